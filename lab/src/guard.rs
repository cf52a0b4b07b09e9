//! Child processes and folders that never outlive this process, not even when it is killed with SIGKILL.
//!
//! Destructors do not run then, but the kernel still closes the pipes of a dead process. So each child runs under a tiny
//! shell that reads a pipe from us, and ends the child when that pipe does. The shared control plane lives in a `static`,
//! which Rust never drops, and leaves by the same door when a test run ends as it should.

use std::{
    fs,
    io::{self, Write as _},
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};
use tokio::time::{sleep, timeout};

use super::log_file::LogFile;

/// How long a process may take to become ready; an API server needs about three seconds on an idle machine.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// How long one question about that may take.
const PROBE_WITHIN: Duration = Duration::from_secs(2);
/// How long the end of a process is waited for.
const END_WITHIN: Duration = Duration::from_mins(1);
/// How often it is asked.
const PROBE_EVERY: Duration = Duration::from_millis(25);

/// Runs its arguments until they end or standard input does. Each line of standard input names a signal to pass on; end of
/// file is TERM, and KILL three seconds later. The exit status is that of the program, or 128 + the signal that ended it.
const GUARD: &str = r#"
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{
  while read -r signal; do kill -s "$signal" "$child"; done
  kill -s TERM "$child"
  n=0
  while kill -0 "$child" && [ $((n += 1)) -le 30 ]; do sleep 0.1; done
  kill -s KILL "$child"
} <&3 2>/dev/null &
watcher=$!
wait "$child"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
"#;

/// Removes the folder in its first argument once standard input ends. The processes that write there are ended by their
/// own guards at that moment, so what they still create is removed with the next try.
const SWEEPER: &str = r#"
cat
for _ in 1 2 3 4 5 6 7 8 9 10; do
  rm -rf "$1"
  sleep 0.5
  [ -e "$1" ] || exit
done
"#;

/// A command line that [`Guarded::spawn`] accepts: add arguments and environment as usual.
pub fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    shell(GUARD, program)
}

fn shell(script: &str, argument: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("sh");
    // Of a group of its own, so that Ctrl-C in a terminal reaches us alone and the guards can do their work after us.
    command.args(["-c", script, "guard"]).arg(argument).process_group(0).stdin(Stdio::piped());
    command
}

/// A child process that ends with this one, and when dropped.
#[derive(Debug)]
pub struct Guarded {
    name: String,
    log: LogFile,
    guard: Child,
}

impl Guarded {
    /// Starts what [`command`] described; its output goes to `<folder>/<name>.log`.
    pub fn spawn(name: &str, folder: &Path, mut command: Command) -> Result<Self> {
        let (log, output) = LogFile::create(folder.join(format!("{name}.log")))
            .with_context(|| format!("cannot make a log file in {}", folder.display()))?;
        let guard = command
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start the shell that guards {name}"))?;
        Ok(Self { name: name.to_owned(), log, guard })
    }

    /// Waits until `probe` succeeds, and gives what it found. Ends early if the process does; an error carries the end of
    /// its log.
    pub async fn ready<T>(&mut self, probe: impl AsyncFn() -> Result<T>) -> Result<T> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let seen = match timeout(PROBE_WITHIN, probe()).await {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(error)) => error,
                Err(_) => anyhow!("no answer in {PROBE_WITHIN:?}"),
            };
            if let Some(status) = self.try_wait()? {
                bail!("{} ended ({status}) before it was ready; its log ends:\n{}", self.name, self.log.tail());
            }
            if Instant::now() > deadline {
                let log = self.log.tail();
                bail!("{} is not ready after {READY_WITHIN:?}: {seen:#}; its log ends:\n{log}", self.name);
            }
            sleep(PROBE_EVERY).await;
        }
    }

    /// Sends a signal by its name without `SIG`, such as `TERM`.
    pub fn signal(&mut self, name: &str) -> Result<()> {
        let pipe = self.guard.stdin.as_mut().context("the pipe to the guard is closed")?;
        writeln!(pipe, "{name}").with_context(|| format!("{} has ended already", self.name))
    }

    /// The exit status, if the process has ended.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.guard.try_wait()
    }

    /// Waits for the end of the process.
    pub async fn wait(&mut self) -> Result<ExitStatus> {
        let ended = async {
            loop {
                if let Some(status) = self.guard.try_wait()? {
                    return Ok(status);
                }
                sleep(PROBE_EVERY).await;
            }
        };
        timeout(END_WITHIN, ended).await.with_context(|| format!("{} has not ended after {END_WITHIN:?}", self.name))?
    }

    /// The process that the guard runs, for what the kernel knows of it.
    pub fn pid(&self) -> Result<u32> {
        let guard = self.guard.id().to_string();
        // The shell has another child, which watches the pipe: a shell as well.
        let is_it = |pid: u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let (program, rest) = stat.rsplit_once(") ").unwrap_or_default();
            rest.split(' ').nth(1) == Some(&guard) && !program.ends_with("(sh")
        };
        let processes = fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        processes.into_iter().find(|&pid| is_it(pid)).with_context(|| format!("{} does not run", self.name))
    }

    /// What the process prints.
    pub fn log(&self) -> &LogFile {
        &self.log
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        // The only possible error is that it was waited for already.
        let _ = self.guard.wait();
    }
}

/// A new folder that is removed when this process ends.
pub fn scratch(name: &str) -> Result<PathBuf> {
    static ROOT: LazyLock<io::Result<(PathBuf, Child)>> = LazyLock::new(|| {
        let root = tempfile::Builder::new().prefix("crossaccount-").tempdir()?.keep();
        let sweeper = shell(SWEEPER, &root).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        Ok((root, sweeper))
    });
    static NEXT: AtomicUsize = AtomicUsize::new(0);

    let (root, _sweeper) = ROOT.as_ref().map_err(|error| anyhow!("cannot make a temporary folder: {error}"))?;
    let folder = root.join(format!("{}-{name}", NEXT.fetch_add(1, Ordering::Relaxed)));
    fs::create_dir(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

/// Ports of the loopback interface that nothing listens on. Another process may take one before its user does: see
/// [`port_clash`].
pub fn free_ports<const N: usize>() -> Result<[u16; N]> {
    // All are held until the last is known, else the kernel could give one of them twice.
    let listeners: Vec<TcpListener> = (0..N).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<io::Result<_>>()?;
    let mut ports = [0; N];
    for (port, listener) in ports.iter_mut().zip(&listeners) {
        *port = listener.local_addr()?.port();
    }
    Ok(ports)
}

/// Whether a start failed because another process took the port first, so that it is worth another try.
pub fn port_clash(error: &anyhow::Error) -> bool {
    format!("{error:#}").to_lowercase().contains("address already in use")
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use anyhow::ensure;

    use super::*;
    use crate::wait::eventually;

    /// Prints its process id and stays; deaf to TERM if asked.
    fn child(script: &str) -> Command {
        let mut command = command("sh");
        command.args(["-c", script]);
        command
    }

    async fn pid_in(log: &Path) -> Result<u32> {
        eventually("the child has printed its process id", async || Ok(fs::read_to_string(log)?.trim().parse()?)).await
    }

    fn runs(pid: u32) -> bool {
        Path::new(&format!("/proc/{pid}")).exists()
    }

    #[tokio::test]
    async fn a_guarded_process_ends_when_its_parent_is_killed_even_if_it_ignores_term() -> Result<()> {
        let folder = scratch("guard")?;
        // Stands for the parent: the only holder of the pipe's other end, and nothing runs in it when it is killed.
        let mut parent = Command::new("sleep").arg("600").stdout(Stdio::piped()).spawn()?;
        let pipe = parent.stdout.take().context("no pipe")?;
        let log = folder.join("child.log");
        let mut guard = child("trap '' TERM; echo $$; while :; do sleep 1; done")
            .stdin(pipe)
            .stdout(File::create(&log)?)
            .stderr(Stdio::null())
            .spawn()?;
        let pid = pid_in(&log).await?;
        assert!(runs(pid));

        parent.kill()?;
        parent.wait()?;

        eventually("the child is gone", async || {
            ensure!(!runs(pid), "{pid} runs");
            Ok(())
        })
        .await?;
        assert_eq!(guard.wait()?.code(), Some(128 + 9));
        Ok(())
    }

    #[tokio::test]
    async fn a_guarded_process_ends_when_dropped() -> Result<()> {
        let folder = scratch("guard")?;
        let guarded = Guarded::spawn("child", &folder, child("echo $$; exec sleep 600"))?;
        let pid = pid_in(&folder.join("child.log")).await?;
        assert!(runs(pid));
        drop(guarded);
        assert!(!runs(pid));
        Ok(())
    }

    #[tokio::test]
    async fn signals_pass_through_the_guard_and_the_exit_status_comes_back() -> Result<()> {
        let folder = scratch("guard")?;
        let script = "trap 'exit 7' USR1; echo $$; while :; do sleep 0.1; done";
        let mut guarded = Guarded::spawn("child", &folder, child(script))?;
        pid_in(&folder.join("child.log")).await?;
        guarded.signal("USR1")?;
        assert_eq!(guarded.wait().await?.code(), Some(7));
        Ok(())
    }

    #[tokio::test]
    async fn a_process_that_never_gets_ready_is_reported_with_its_log() -> Result<()> {
        let folder = scratch("guard")?;
        let mut guarded = Guarded::spawn("child", &folder, child("echo no disk left; exit 3"))?;
        let error = guarded.ready(async || Err::<(), _>(anyhow!("nobody listens"))).await.unwrap_err().to_string();
        assert_eq!(error, "child ended (exit status: 3) before it was ready; its log ends:\nno disk left");
        Ok(())
    }
}

//! One program with one client, which makes a call when it is told to.

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use lab::{built_program, folder, guard::scratch, log_file::LogFile, run};

/// How long a program may take to answer. Far more than any needs: it only bounds the wait of a test that fails.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// Whose SDK a program uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Sdk {
    Python,
    JavaScript,
    Go,
    Java,
    Rust,
    /// A new process for each call.
    Cli,
}

impl Sdk {
    /// The command line, built if it was not yet.
    async fn command(self) -> Result<Command> {
        let mut command;
        match self {
            Self::Python => {
                let folder = prepared("consumers/python").await?;
                command = Command::new(folder.join("bin/python"));
                command.arg(folder.join("consumer.py"));
            }
            Self::JavaScript => {
                command = Command::new("node");
                command.arg(prepared("consumers/javascript").await?.join("consumer.js"));
            }
            Self::Go => command = Command::new(prepared("consumers/go").await?.join("program")),
            Self::Java => {
                let target = prepared("consumers/java").await?.join("target");
                let target = target.display();
                command = Command::new("java");
                command.args(["-cp", &format!("{target}/classes:{target}/dependency/*"), "Consumer"]);
            }
            Self::Rust => command = Command::new(example()?),
            Self::Cli => {
                command = Command::new(folder().join("consumers/cli/consumer.sh"));
                command.arg(prepared("consumers/python").await?.join("bin/aws"));
            }
        }
        Ok(command)
    }
}

/// The folder of a program that a script builds, by the folder of its source.
pub(super) async fn prepared(name: &str) -> Result<PathBuf> {
    let printed = run(Command::new(folder().join("consumers.sh")).arg(name)).await?;
    Ok(PathBuf::from(printed.trim_end()))
}

/// The consumer that Cargo builds, beside the folder of the tests.
fn example() -> Result<PathBuf> {
    built_program("examples/consumer").context("the consumer is an example of the lab's package")
}

/// A running program. It ends with its standard input, so no later than this process.
pub struct Program {
    input: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    errors: LogFile,
    _process: Child,
}

impl Program {
    /// Starts a program that knows of AWS what this environment says, and waits until it is ready to make a client.
    pub async fn start(sdk: Sdk, environment: &[(&str, String)]) -> Result<Self> {
        let home = scratch("consumer")?;
        let (errors, stderr) = LogFile::create(home.join("errors.log"))?;
        let mut process = sdk
            .command()
            .await?
            // Nothing of the developer's own AWS settings may reach it.
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", &home)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start the program in {sdk:?}; is its runtime installed?"))?;
        let input = process.stdin.take().context("it has no standard input")?;
        let output = process.stdout.take().context("it has no standard output")?;
        let mut program = Self { input, answers: BufReader::new(output).lines(), errors, _process: process };
        let ready = program.answer().await?;
        ensure!(ready == "ready", "instead of being ready it says {ready}");
        Ok(program)
    }

    /// Has it call GetCallerIdentity, and gives the ARN that it was told. The inner error is the program's own.
    pub async fn caller(&mut self) -> Result<Result<String, String>> {
        self.input.write_all(b"call\n").await?;
        let answer = self.answer().await?;
        match answer.split_once(' ') {
            Some(("ok", arn)) => Ok(Ok(arn.to_owned())),
            Some(("error", error)) => Ok(Err(error.to_owned())),
            _ => bail!("it says neither ok nor error: {answer}"),
        }
    }

    async fn answer(&mut self) -> Result<String> {
        let answer = timeout(ANSWER_WITHIN, self.answers.next_line());
        let answer = answer.await.with_context(|| format!("no answer in {ANSWER_WITHIN:?}"))??;
        answer.with_context(|| format!("it has ended:\n{}", self.errors.tail()))
    }
}

/// Puts a folder before those where programs are looked for.
pub fn path_with(folder: &Path) -> Result<String> {
    let others = env::var_os("PATH").unwrap_or_default();
    let all = env::join_paths([folder.to_owned()].into_iter().chain(env::split_paths(&others)))?;
    Ok(all.to_string_lossy().into_owned())
}

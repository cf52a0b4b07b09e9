//! `kubectl crossaccount completion` and `man`.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use lab::{guard::scratch, run, shipped_program};

async fn plugin(words: &[&str]) -> Result<String> {
    run(Command::new(shipped_program("kubectl-crossaccount")?).args(words)).await
}

#[tokio::test]
async fn bash_reads_the_script_and_completes_a_command() -> Result<()> {
    let script = scratch("completion")?.join("script");
    fs::write(&script, plugin(&["completion", "bash"]).await?)?;
    let ask = "source \"$1\"; COMP_WORDS=(kubectl-crossaccount sta); COMP_CWORD=1; \
               _kubectl__crossaccount kubectl-crossaccount sta kubectl-crossaccount; echo \"${COMPREPLY[@]}\"";
    let completed = run(Command::new("bash").args(["-c", ask, "bash"]).arg(&script)).await?;
    ensure!(completed == "status\n", "{completed:?}");
    for shell in ["zsh", "fish"] {
        let script = plugin(&["completion", shell]).await?;
        ensure!(script.contains("kubectl-crossaccount") && script.contains("status"), "{shell}: {script}");
    }
    Ok(())
}

#[tokio::test]
async fn kubectl_completes_the_plugin_by_a_program_beside_it() -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let program = shipped_program("kubectl-crossaccount")?;
    let folder = scratch("completion")?;
    let complete = folder.join("kubectl_complete-crossaccount");
    fs::write(&complete, plugin(&["completion", "kubectl"]).await?)?;
    fs::set_permissions(&complete, fs::Permissions::from_mode(0o755))?;
    let path = format!(
        "{}:{}:{}",
        folder.display(),
        program.parent().context("it is in no folder")?.display(),
        std::env::var("PATH")?
    );
    let kubectl = lab::script("control-plane.sh").await?.join("kubectl");
    let mut asked = Command::new(kubectl);
    let completed = run(asked.env("PATH", path).args(["__complete", "crossaccount", "sus"])).await?;
    ensure!(completed.starts_with("suspend\tStops writes to AWS"), "{completed:?}");
    Ok(())
}

#[tokio::test]
async fn a_manual_page_is_written_for_each_command() -> Result<()> {
    let folder = scratch("man")?.join("man1");
    let said = plugin(&["man", &folder.to_string_lossy()]).await?;
    let written = fs::read_dir(&folder)?.count();
    ensure!(said.starts_with(&format!("{written} manual pages")) && written > 10, "{said}");
    let page = fs::read_to_string(folder.join("kubectl-crossaccount-explain.1"))?;
    ensure!(page.contains("which side is wrong"), "{page}");
    Ok(())
}

//! What the plugin does on a terminal, and leaves where there is none.

use std::{fs::File, process::Stdio, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::{io::AsyncReadExt as _, process::Command, sync::Mutex};

use super::people::Person;
use crate::bootstrap::plugin::{Printed, file, run};
use lab::{env::TestEnv, tester::Tester, wait::eventually};

/// Clears the terminal.
const CLEAR: &str = "\u{1b}[2J";

/// The plugin's command line on a terminal of its own. `script` (util-linux) makes the terminal.
fn on_terminal(person: &Person, words: &[&str]) -> Result<Command> {
    let command = person.command(words)?;
    let command = command.as_std();
    let words = [command.get_program()].into_iter().chain(command.get_args());
    let line = words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    Ok(script)
}

/// Runs the plugin on a terminal to its end. Somebody types these keys, and then the input ends.
async fn shown(person: &Person, words: &[&str], keys: &str, variables: &[(&str, &str)]) -> Result<Printed> {
    let mut command = on_terminal(person, words)?;
    command.stdin(Stdio::from(File::open(file("keys", keys)?)?));
    let variables =
        [("TERM", "xterm")].iter().chain(variables).map(|(name, value)| (String::from(*name), String::from(*value)));
    run(command, &person.environment().into_iter().chain(variables).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn colours_are_for_terminals_and_not_for_who_does_not_want_them() -> Result<()> {
    let env = TestEnv::new("colours").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let person = Person::admin(&env);
    let coloured = shown(&person, &["status"], "", &[]).await?;
    ensure!(coloured.code == Some(0) && coloured.out.contains("\u{1b}[32m✓\u{1b}[0m"), "no colours: {coloured:?}");
    for plain in [
        shown(&person, &["status"], "", &[("NO_COLOR", "1")]).await?,
        shown(&person, &["status"], "", &[("TERM", "dumb")]).await?,
        person.runs(&["status"]).await?,
    ] {
        ensure!(plain.code == Some(0) && plain.out.contains("✓ AWSAccount"), "{plain:?}");
        ensure!(!plain.out.contains('\u{1b}'), "colours: {plain:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_watch_on_a_terminal_clears_it_before_it_shows_the_objects_again() -> Result<()> {
    let env = TestEnv::new("redraw").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let person = Person::admin(&env);
    let mut command = on_terminal(&person, &["status", "--watch"])?;
    command.envs(person.environment()).env("TERM", "xterm").env_remove("NO_COLOR");
    let mut watching = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let (seen, mut out) = (Arc::new(Mutex::new(String::new())), watching.stdout.take().context("it has no output")?);
    let bytes = seen.clone();
    let reading = tokio::spawn(async move {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = out.read(&mut buffer).await {
            bytes.lock().await.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
    });
    // What the terminal shows is what came after it was cleared last.
    let shows = async |words: &str, clears: usize| {
        eventually(&format!("the terminal shows {words:?}"), async || {
            let seen = seen.lock().await;
            let screen = seen.rsplit(CLEAR).next().unwrap_or_default();
            ensure!(seen.matches(CLEAR).count() >= clears && screen.contains(words), "{seen}");
            Ok(())
        })
        .await
    };
    shows("Available", 1).await?;
    env.patch("reader", json!({"spec": {"suspend": true}})).await?;
    shows("Suspended", 2).await?;
    watching.kill().await?;
    reading.await?;
    Ok(())
}

#[tokio::test]
async fn revoke_goes_on_only_if_somebody_says_yes() -> Result<()> {
    let env = TestEnv::new("prompt").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    env.create(&tester.role("reader")).await?;
    env.settled("reader").await?;
    let copy = tester.has_a_working_set("reader").await?;
    let person = Person::admin(&env);
    let question = format!("This ends all sessions of {}", env.role_arn("reader"));
    for keys in ["n\n", "\n", "sure\n", ""] {
        let refused = shown(&person, &["revoke", "reader"], keys, &[]).await?;
        ensure!(refused.code == Some(1) && refused.out.contains(&question), "{keys:?}: {refused:?}");
        ensure!(refused.out.contains("nothing was changed"), "{keys:?}: {refused:?}");
    }
    ensure!(tester.works(&copy).await?, "it was revoked although nobody said yes");
    let confirmed = shown(&person, &["revoke", "reader"], "Yes\n", &[]).await?;
    ensure!(confirmed.code == Some(0) && confirmed.out.contains(&question), "{confirmed:?}");
    ensure!(!tester.works(&copy).await?, "the copy still works");
    Ok(())
}

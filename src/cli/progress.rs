//! What is being waited for, on standard error, once it takes longer than a second.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::{Instant, interval_at};

const SECOND: Duration = Duration::from_secs(1);

/// Does some work. After a second, says what; a terminal shows the seconds as well.
pub async fn shown<T>(what: &str, work: impl Future<Output = T>) -> T {
    let terminal = io::stderr().is_terminal();
    let started = Instant::now();
    let mut ticks = interval_at(started + SECOND, SECOND);
    let mut said = false;
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            output = &mut work => {
                if said && terminal {
                    say("\r\x1b[K");
                }
                return output;
            }
            _ = ticks.tick() => {
                if terminal {
                    say(&format!("\r\x1b[K{what} … {} s", started.elapsed().as_secs()));
                } else if !said {
                    say(&format!("{what} …\n"));
                }
                said = true;
            }
        }
    }
}

/// Says what the output lacks.
pub fn note(text: &str) {
    say(&format!("{text}\n"));
}

/// Progress is a courtesy: nothing depends on whether somebody sees it.
fn say(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}

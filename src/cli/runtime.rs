//! Commands that wait for the network run on a runtime of one thread.

use std::io;

/// Runs a command to its end. What it left behind is not waited for: a lookup of a name may hang.
pub fn block_on<F: Future>(command: F) -> io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let output = runtime.block_on(command);
    runtime.shutdown_background();
    Ok(output)
}

//! The AWS SDK for Rust as a program uses it: one client, one GetCallerIdentity for each line of standard input.

#![allow(clippy::print_stdout, reason = "its standard output is what it is for")]

use std::io::{self, BufRead as _};

use aws_config::BehaviorVersion;
use aws_sdk_sts::error::DisplayErrorContext;

#[tokio::main]
async fn main() -> io::Result<()> {
    println!("ready");
    let mut made = None;
    for line in io::stdin().lock().lines() {
        line?;
        let client = match made.take() {
            Some(client) => client,
            None => aws_sdk_sts::Client::new(&aws_config::load_defaults(BehaviorVersion::latest()).await),
        };
        match client.get_caller_identity().send().await {
            Ok(caller) => println!("ok {}", caller.arn().unwrap_or_default()),
            Err(error) => println!("error {}", DisplayErrorContext(&error).to_string().replace('\n', " ")),
        }
        made = Some(client);
    }
    Ok(())
}

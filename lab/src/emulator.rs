//! AWS on loopback: a MiniStack process with signatures and policies enforced.
//!
//! Accounts cost nothing there and share nothing, so each test takes new ones instead of a process of its own.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::{Result, anyhow};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use tokio::sync::OnceCell;

use super::{
    guard::{self, Guarded},
    http, script,
};

/// The region of everything in the lab; IAM itself has none.
pub const REGION: &str = "eu-west-1";

/// A start is tried this often when another process took its port in the meantime.
const TRIES: usize = 3;

/// A running emulator. Ends when dropped, or with this process.
#[derive(Debug)]
pub struct Emulator {
    address: SocketAddr,
    endpoint: String,
    python: PathBuf,
    _process: Guarded,
}

/// The emulator that all tests of this process share, started by the first that asks.
pub async fn emulator() -> Result<&'static Emulator> {
    static SHARED: OnceCell<Result<Emulator, String>> = OnceCell::const_new();
    let shared = SHARED.get_or_init(async || Emulator::start().await.map_err(|error| format!("{error:#}"))).await;
    shared.as_ref().map_err(|error| anyhow!("the AWS emulator did not start: {error}"))
}

/// Two account ids that no other test of this process uses.
pub fn accounts() -> [String; 2] {
    static NEXT: AtomicU64 = AtomicU64::new(500_000_000_000);
    let first = NEXT.fetch_add(2, Ordering::Relaxed);
    [first.to_string(), (first + 1).to_string()]
}

impl Emulator {
    /// Starts one, in less than a second.
    pub async fn start() -> Result<Self> {
        let python = script("emulator.sh").await?.join("bin/python");
        let mut tries = 1;
        loop {
            let [port] = guard::free_ports()?;
            let folder = guard::scratch("emulator")?;
            let mut command = guard::command(&python);
            command
                .args(["-m", "ministack"])
                // Every request must be signed with keys that it gave out, and is judged by the policies of IAM.
                .env("AUTH", "true")
                .env("GATEWAY_PORT", port.to_string())
                .env("BIND_HOST", "127.0.0.1")
                .env("TMPDIR", &folder);
            // They would be taken for keys that the emulator itself trusts.
            for variable in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"] {
                command.env_remove(variable);
            }
            let mut process = Guarded::spawn("ministack", &folder, command)?;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let endpoint = format!("http://{address}");
            let ready = format!("{endpoint}/_ministack/ready");
            match process.ready(async || http::get_ok(&ready).await).await {
                Ok(()) => return Ok(Self { address, endpoint, python, _process: process }),
                Err(error) if guard::port_clash(&error) && tries < TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Where it listens, for a proxy before it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where AWS is: the value of `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// A Python that has boto3.
    pub fn python(&self) -> &Path {
        &self.python
    }
}

/// The settings of an AWS client for these credentials at this endpoint. Clients belong to the runtime they are first
/// used in, so each test makes its own.
pub fn aws_config(endpoint: &str, credentials: Credentials) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build()
}

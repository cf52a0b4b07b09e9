//! The ways from a mounted Secret into a program.

use std::path::Path;

use anyhow::{Context as _, Result};
use crossaccount::api::ProcessCommand;

use super::program::path_with;
use lab::{
    agent::{self, Agent},
    emulator::REGION,
    guard::scratch,
};

/// How a program comes by credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Way {
    /// `credential_process` with `cat`.
    Cat,
    /// `credential_process` with the agent.
    Agent,
    /// The container-credentials protocol, spoken by the agent.
    Serve,
}

impl Way {
    /// The command in `config` that it wants.
    pub fn process_command(self) -> ProcessCommand {
        match self {
            Self::Cat | Self::Serve => ProcessCommand::Cat,
            Self::Agent => ProcessCommand::Agent,
        }
    }

    /// The environment of a program that goes this way, and the sidecar that it needs.
    pub async fn open(self, mount: &Path) -> Result<(Vec<(&'static str, String)>, Option<Agent>)> {
        let config = ("AWS_CONFIG_FILE", mount.join("config").display().to_string());
        match self {
            // With what the label of a pod adds beside it (docs/pods.md).
            Self::Cat => {
                let others = [("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"), ("AWS_SDK_LOAD_CONFIG", "1")];
                let others = others.map(|(name, value)| (name, value.to_owned()));
                Ok(([config].into_iter().chain(others).collect(), None))
            }
            Self::Agent => {
                let program = agent::program()?;
                let path = path_with(program.parent().context("the agent is in no folder")?)?;
                Ok((vec![config, ("PATH", path)], None))
            }
            Self::Serve => {
                let token = scratch("token")?.join("token");
                let agent = Agent::with_token(&mount.join("credentials.json"), &token).await?;
                let environment = vec![
                    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", agent.credentials_uri()),
                    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.display().to_string()),
                    ("AWS_REGION", REGION.to_owned()),
                    // boto3 reads this one.
                    ("AWS_DEFAULT_REGION", REGION.to_owned()),
                ];
                Ok((environment, Some(agent)))
            }
        }
    }
}

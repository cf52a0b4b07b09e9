//! Lives in which the operator dies twice: after a write, and after one of the writes by which the next one recovers.

use std::ops::RangeInclusive;

use anyhow::{Context as _, Result};

use lab::wait::eventually_within;

use super::{Moment, Passage, picture::Picture, stage::Stage};

/// Asks for all pairs with `all`; otherwise some are enough.
const WHICH: &str = "CRASH_PAIRS";

/// A first crash, and after how many writes of the recovery there is a second one: each of these is a life of its own.
pub struct Chain {
    first: Moment,
    second: RangeInclusive<usize>,
}

/// The pairs to live through: three that are spread over the passage, or all.
pub fn of(moments: &[Moment]) -> Vec<Chain> {
    if std::env::var(WHICH).is_ok_and(|which| which == "all") {
        return moments.iter().map(|first| Chain { first: first.clone(), second: 1..=usize::MAX }).collect();
    }
    let spread = [(0, 1), (moments.len() / 2, 2), (moments.len() * 3 / 4, 1)];
    spread.into_iter().map(|(n, nth)| Chain { first: moments[n].clone(), second: nth..=nth }).collect()
}

impl Passage {
    /// Lives through the pairs of one first crash, until the recovery has no more writes.
    pub async fn after_pairs(&self, Chain { first, second }: Chain, end: &Picture) -> Result<()> {
        for nth in second {
            let life = async {
                let stage = self.crashed(&first).await?;
                let came = self.crashes_again(&stage, nth, end).await?;
                self.is_finished(&stage, end).await?;
                anyhow::Ok(came)
            };
            let came = Box::pin(life)
                .await
                .with_context(|| format!("{}: killed after {first}, then after {nth}", self.name))?;
            if !came {
                break;
            }
        }
        Ok(())
    }

    /// Kills the next operator after the `nth` of its writes. False if it was finished before.
    async fn crashes_again(&self, stage: &Stage, nth: usize, end: &Picture) -> Result<bool> {
        let env = &stage.deployment.env;
        env.effects.cut_after(env.effects.list().len() + nth);
        let operator = env.start().await?;
        let cut = async { while env.effects.reached().await.is_err() {} };
        let came = tokio::select! {
            biased;
            () = cut => true,
            over = eventually_within(self.within, "a second crash, or the end", async || end.is_of(stage).await) => {
                over?;
                false
            }
        };
        operator.kill().await?;
        env.effects.release();
        Ok(came)
    }
}

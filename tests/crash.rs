//! An operator that dies after any one of its writes, and another that finds its way from there.
//!
//! Each test takes one passage of an object's life. It is lived once undisturbed, which shows all writes, to AWS and to the
//! API server, and how things are in the end. Then it is lived again for each of these writes: the write is carried out, the
//! operator is killed before it hears of it, and a new one must come to the same end. For some of the writes, or for all with
//! `CRASH_PAIRS=all`, the new one dies too, after a write of its recovery.

mod act;
mod pairs;
mod picture;
mod stage;

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::{Context as _, Result, ensure};
use futures::{StreamExt as _, stream};

use lab::{effects::Effect, operator::Operator, wait::eventually_within};

use self::{
    act::Act::{self, Adopt, Change, Create, CreateRetained, Delete, GiveBack, Renew, Revoke, Withdraw},
    picture::Picture,
    stage::{OBJECT, Stage},
};

/// How many lives are lived at the same time: they wait more than they compute.
const AT_ONCE: usize = 4;

/// One passage of an object's life.
#[derive(Clone, Copy)]
struct Passage {
    name: &'static str,
    /// What happened to the object before, undisturbed.
    before: &'static [Act],
    /// During this the operator dies.
    act: Act,
    /// What happens while there is none.
    meanwhile: Option<Act>,
    /// How long the end may take after the restart. A role that IAM does not show may still come for two minutes.
    within: Duration,
}

/// A write by its name, and which one of that name it is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Moment {
    what: String,
    nth: usize,
}

impl Passage {
    const fn of(name: &'static str, before: &'static [Act], act: Act) -> Self {
        Self { name, before, act, meanwhile: None, within: Duration::from_mins(1) }
    }

    /// A passage at whose end a role that is not there must be known not to come.
    const fn with_patience(self) -> Self {
        Self { within: Duration::from_mins(3), ..self }
    }

    /// Lives it undisturbed, and then once for each write.
    async fn survives(self) -> Result<()> {
        let (moments, end) = self.undisturbed().await.context("undisturbed")?;
        ensure!(!moments.is_empty(), "nothing was written");
        eprintln!("{}: {}", self.name, moments.iter().map(Moment::to_string).collect::<Vec<_>>().join(", "));
        let lives = stream::iter(&moments).map(|moment| self.after_crash(moment, &end));
        let lives: Vec<Result<()>> = lives.buffer_unordered(AT_ONCE).collect().await;
        let pairs = stream::iter(pairs::of(&moments)).map(|chain| self.after_pairs(chain, &end));
        let pairs: Vec<Result<()>> = pairs.buffer_unordered(AT_ONCE).collect().await;
        let count = lives.len() + pairs.len();
        let lives = lives.into_iter().chain(pairs);
        let failures: Vec<String> = lives.filter_map(Result::err).map(|error| format!("{error:#}")).collect();
        ensure!(failures.is_empty(), "{} of {count} lives:\n\n{}", failures.len(), failures.join("\n\n"));
        Ok(())
    }

    async fn undisturbed(&self) -> Result<(Vec<Moment>, Picture)> {
        let mut stage = Stage::new(self.name).await?;
        let operator = stage.lead(self.before).await?;
        self.is_over(&stage, &operator).await?;
        let before = stage.deployment.env.effects.list().len();
        stage.act(self.act).await?;
        self.is_over(&stage, &operator).await?;
        let namespace = &stage.deployment.env.namespace;
        let moments = moments(&stage.deployment.env.effects.list()[before..], namespace);
        if let Some(act) = self.meanwhile {
            stage.act(act).await?;
            self.is_over(&stage, &operator).await?;
        }
        operator.stop().await?;
        let end = Picture::take(&stage).await?;
        stage.is_at_rest(&end).await?;
        Ok((moments, end))
    }

    async fn after_crash(&self, moment: &Moment, end: &Picture) -> Result<()> {
        let life = async {
            let stage = self.crashed(moment).await?;
            self.is_finished(&stage, end).await
        };
        life.await.with_context(|| format!("{}: killed after {moment}", self.name))
    }

    /// A stage on which the operator died at this moment.
    async fn crashed(&self, moment: &Moment) -> Result<Stage> {
        let mut stage = Stage::new(self.name).await?;
        let operator = stage.lead(self.before).await?;
        self.is_over(&stage, &operator).await?;
        self.crash(&stage, operator, moment).await?;
        if let Some(act) = self.meanwhile {
            act.run(&stage).await?;
        }
        Ok(stage)
    }

    /// Starts an operator and waits until all is as it should be in the end.
    async fn is_finished(&self, stage: &Stage, end: &Picture) -> Result<()> {
        let operator = stage.deployment.env.start().await?;
        eventually_within(self.within, "all is as without a crash", async || end.is_of(stage).await)
            .await
            .with_context(|| format!("the operator's log ends:\n{}", operator.log().tail()))?;
        operator.stop().await?;
        stage.is_at_rest(end).await
    }

    /// Begins the passage and kills the operator at this moment.
    async fn crash(&self, stage: &Stage, operator: Operator, moment: &Moment) -> Result<()> {
        let env = &stage.deployment.env;
        let before = stage.object().await?;
        env.effects.cut_at(moment.what.replace(NAMESPACE, &env.namespace), moment.nth);
        self.act.run(stage).await?;
        let over = async {
            self.act.is_answered(stage, before.as_ref()).await?;
            self.is_over(stage, &operator).await
        };
        tokio::select! {
            biased;
            reached = env.effects.reached() => reached?,
            over = over, if moment.may_not_come() => over?,
        }
        operator.kill().await?;
        env.effects.release();
        Ok(())
    }

    /// Waits until the operator has nothing left to do with the object.
    async fn is_over(&self, stage: &Stage, operator: &Operator) -> Result<()> {
        if stage.object().await?.is_some() {
            stage.deployment.env.wake(operator, OBJECT).await?;
        }
        Ok(())
    }
}

/// Stands for the namespace in the names of writes.
const NAMESPACE: &str = "(namespace)";

impl Moment {
    /// How often a status is written depends on the clock and on how quickly changes follow each other, so a passage may end
    /// with fewer reports. What is remembered in status, by a patch, is none. A denial is written a second time only where the
    /// first write lasted into the next second.
    fn may_not_come(&self) -> bool {
        let is_report = self.what.starts_with("apply ") && self.what.contains("/status ");
        let is_later_denial = self.what.ends_with(" crossaccount-deny") && self.nth > 1;
        is_report || is_later_denial
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.nth)
    }
}

fn moments(effects: &[Effect], namespace: &str) -> Vec<Moment> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let named = |effect: &Effect| {
        let what = effect.what.replace(namespace, NAMESPACE);
        let nth = counts.entry(what.clone()).or_default();
        *nth += 1;
        Moment { what, nth: *nth }
    };
    effects.iter().map(named).collect()
}

#[tokio::test]
async fn an_operator_that_dies_after_any_write_of_a_creation_finishes_it() -> Result<()> {
    Passage::of("crash-create", &[], Create).survives().await
}

#[tokio::test]
async fn an_object_that_is_deleted_after_a_crash_of_its_creation_leaves_nothing() -> Result<()> {
    let passage = Passage { meanwhile: Some(Delete), ..Passage::of("crash-undone", &[], Create) };
    passage.with_patience().survives().await
}

#[tokio::test]
async fn an_operator_that_dies_after_any_write_of_an_adoption_finishes_it() -> Result<()> {
    Passage::of("crash-adopt", &[], Adopt).survives().await
}

#[tokio::test]
async fn an_operator_that_dies_after_any_write_of_a_change_finishes_it() -> Result<()> {
    Passage::of("crash-change", &[Create], Change).survives().await
}

#[tokio::test]
async fn an_operator_that_dies_after_any_write_of_a_renewal_finishes_it() -> Result<()> {
    Passage::of("crash-renew", &[Create], Renew).survives().await
}

#[tokio::test]
async fn an_operator_that_dies_after_any_write_of_a_revocation_finishes_it() -> Result<()> {
    Passage::of("crash-revoke", &[Create], Revoke).survives().await
}

#[tokio::test]
async fn an_operator_that_dies_after_any_write_of_a_withdrawal_closes_all_the_same() -> Result<()> {
    Passage::of("crash-withdraw", &[Create], Withdraw).survives().await
}

#[tokio::test]
async fn an_operator_that_dies_after_any_write_of_a_return_opens_no_more_and_no_less() -> Result<()> {
    Passage::of("crash-return", &[Create, Withdraw], GiveBack).survives().await
}

#[tokio::test]
async fn an_operator_that_dies_after_any_write_of_the_release_of_a_retained_role_finishes_it() -> Result<()> {
    Passage::of("crash-retain", &[CreateRetained], Delete).with_patience().survives().await
}

#[tokio::test]
async fn an_operator_that_dies_after_any_write_of_the_release_of_an_adopted_role_finishes_it() -> Result<()> {
    Passage::of("crash-disown", &[Adopt], Delete).with_patience().survives().await
}

#[tokio::test]
async fn an_operator_that_dies_after_any_write_of_a_deletion_finishes_it() -> Result<()> {
    Passage::of("crash-delete", &[Create], Delete).with_patience().survives().await
}

//! One field under a running operator: its values, one after the other.

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use super::{
    advice::{fault, shortened},
    cases::{Case, Expect, FIRST, cases},
    field::{Field, Kind},
    objects::{Applied, Objects, pointer},
    row::{After, Names, Row},
    seen::{InIam, Seen},
    table::NOT_YET,
    watch::{Verdict, Watch},
};
use crate::crd_rules::object::{merge, set};
use lab::{env::TestEnv, wait::eventually};

/// A field, its row, and the objects that its values are tried in.
pub struct Stage<'a> {
    env: &'a TestEnv,
    field: &'a Field,
    row: &'a Row,
    objects: Objects<'a>,
    /// How the role is with the first sample.
    good: Option<InIam>,
    /// Whether a value was refused because this version cannot act on it.
    unsupported: bool,
}

impl<'a> Stage<'a> {
    /// A stage of this number. Nothing is made yet.
    pub fn new(env: &'a TestEnv, names: &Names, number: usize, field: &'a Field, row: &'a Row) -> Self {
        // Without a word in it, so that a message which names the object does not seem to name the field.
        let name = format!("f{number}");
        Self { env, field, row, objects: Objects::new(env, names, &name), good: None, unsupported: false }
    }

    /// Tries every value, and tells what is wrong.
    pub async fn play(mut self) -> Vec<String> {
        let mut faults = Vec::new();
        for case in self.cases() {
            if let Err(error) = self.try_out(&case).await {
                let value = case.value.as_ref().map(ToString::to_string).unwrap_or_default();
                let Field { kind, path, .. } = self.field;
                faults.push(format!("{kind:?} {path}: {} {}:\n    {error:#}", case.name, shortened(&value)));
            }
        }
        if self.is_not_yet().is_some() && !self.unsupported {
            faults.push(format!("{} is supported now: take it out of NOT_YET in table.rs", self.field.path));
        }
        faults
    }

    fn cases(&self) -> Vec<Case> {
        let names = self.objects.names();
        let samples: Vec<Value> = self.row.samples.iter().map(|(value, _)| names.fill(value)).collect();
        let mut cases = cases(self.field, &samples);
        cases.extend(self.row.wrong.iter().map(|value| Case {
            name: "what only AWS can refuse".into(),
            value: Some(names.fill(value)),
            expect: Expect::Told,
        }));
        cases
    }

    fn is_not_yet(&self) -> Option<&'static str> {
        let listed = NOT_YET.iter().find(|(kind, path, _)| (*kind, *path) == (self.field.kind, &self.field.path));
        listed.map(|(_, _, words)| *words)
    }

    async fn try_out(&mut self, case: &Case) -> Result<()> {
        let deeds = self.deeds(case).await?;
        if self.row.fresh || self.field.immutable {
            self.objects.begin_again();
        }
        let (mut account, mut role) = self.specs(case.value.as_ref());
        self.place(&mut account, &mut role, case.value.as_ref());
        match self.objects.apply(account, role).await? {
            Applied::Refused(status) => {
                ensure!(matches!(case.expect, Expect::Refused | Expect::Either), "refused: {}", status.message);
                fault(&status, self.field).map_or(Ok(()), |fault| bail!(fault))
            }
            Applied::Accepted => {
                ensure!(case.expect != Expect::Refused, "accepted");
                self.objects.holds(self.field, case.value.as_ref())?;
                self.look(case, deeds).await
            }
        }
    }

    /// The specs with all that the value needs beside it.
    fn specs(&self, value: Option<&Value>) -> (Value, Value) {
        let names = self.objects.names();
        let (mut account, mut role) = self.objects.base();
        let sample = self.row.samples.iter().find(|(sample, _)| Some(&names.fill(sample)) == value);
        let written = [Some(self.row.beside), sample.map(|(_, beside)| *beside)].into_iter().flatten();
        let made = value.map(self.row.beside_value);
        for patch in written.map(|patch| names.fill(patch)).chain(made) {
            for (spec, of) in [(&mut account, "account"), (&mut role, "role")] {
                if let Some(patch) = patch.get(of) {
                    merge(spec, patch);
                }
            }
        }
        (account, role)
    }

    /// Sets the field, or takes it away.
    fn place(&self, account: &mut Value, role: &mut Value, value: Option<&Value>) {
        let spec = match self.field.kind {
            Kind::Account => account,
            Kind::Role => role,
        };
        let place = self.field.place();
        let place = place.trim_start_matches("spec.");
        if let Some(value) = value {
            set(spec, place, value.clone());
            return;
        }
        let (parent, name) = place.rsplit_once('.').unwrap_or(("", place));
        let parent = spec.pointer_mut(&pointer(parent)).and_then(Value::as_object_mut);
        parent.and_then(|parent| parent.remove(name));
    }

    async fn look(&mut self, case: &Case, deeds: Option<usize>) -> Result<()> {
        let value = case.value.as_ref().unwrap_or(self.field.default());
        let watch = Watch { env: self.env, field: self.field, row: self.row, objects: &self.objects, value };
        match watch.verdict(case.expect).await? {
            Verdict::Seen(seen) => {
                if let Some(deeds) = deeds {
                    let all = seen.deeds();
                    ensure!(all.len() == deeds, "it means the same, but the operator did {:?}", &all[deeds..]);
                }
                if case.name != FIRST || matches!(self.row.after, After::Deletion | After::Expiry) {
                    return Ok(());
                }
                let seen = eventually("all is well with the first value", async || {
                    let seen = self.objects.look(self.env).await?;
                    seen.is_available().map(|()| seen)
                })
                .await?;
                self.good = seen.iam;
                self.cannot_change().await
            }
            Verdict::Told(seen, reason) => self.recover(&seen, &reason).await,
            Verdict::NotSupported(message) => {
                let words =
                    self.is_not_yet().with_context(|| format!("not supported, and not in NOT_YET: {message}"))?;
                ensure!(message.contains(words), "the message does not name {words}: {message}");
                self.unsupported = true;
                Ok(())
            }
        }
    }

    /// What is immutable keeps its first value, and the refusal helps.
    async fn cannot_change(&mut self) -> Result<()> {
        if !self.field.immutable {
            return Ok(());
        }
        let names = self.objects.names();
        let others: Vec<Option<Value>> =
            self.row.samples[1..].iter().map(|(sample, _)| Some(names.fill(sample))).chain([None]).collect();
        for other in others {
            let (mut account, mut role) = self.specs(other.as_ref());
            self.place(&mut account, &mut role, other.as_ref());
            match self.objects.apply(account, role).await? {
                Applied::Refused(status) => fault(&status, self.field).map_or(Ok(()), |fault| bail!(fault))?,
                Applied::Accepted => bail!("it can be changed to {other:?}"),
            }
        }
        Ok(())
    }

    /// A value that was told to be bad takes nothing away, unless permission was missing, and the good one brings
    /// everything back.
    async fn recover(&mut self, seen: &Seen, reason: &str) -> Result<()> {
        if self.row.fresh || self.field.immutable {
            return Ok(());
        }
        let Some(good) = self.good.clone() else { bail!("the first value is not good: {:?}", seen.ready()) };
        ensure!(reason == "NotAllowed" || !seen.secrets.is_empty(), "the Secret is gone: {:?}", seen.ready());
        let sample = self.objects.names().fill(self.row.samples[0].0);
        let (mut account, mut role) = self.specs(Some(&sample));
        self.place(&mut account, &mut role, Some(&sample));
        let Applied::Accepted = self.objects.apply(account, role).await? else { bail!("the first value is refused") };
        eventually("the good value brings everything back", async || {
            let seen = self.objects.look(self.env).await?;
            seen.is_available()?;
            ensure!(seen.iam.as_ref() == Some(&good), "the role is {:?} instead of {good:?}", seen.iam);
            ensure!(!seen.secrets.is_empty(), "there is no Secret");
            Ok(())
        })
        .await
    }

    async fn deeds(&self, case: &Case) -> Result<Option<usize>> {
        if case.expect != Expect::SameAsBefore || self.row.after == After::Renewal {
            return Ok(None);
        }
        Ok(Some(self.objects.look(self.env).await?.deeds().len()))
    }
}

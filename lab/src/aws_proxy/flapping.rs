//! Two endpoints of AWS behind one name, of which one does not learn of changes.
//!
//! IAM "achieves high availability by replicating data across multiple servers", and changes take "some time" to reach all
//! of them (IAM user guide, "Changes that I make are not always immediately visible"). Until then answers go back and forth.

use std::{collections::HashMap, sync::Mutex};

use super::{locked, reply::Reply};

/// The answers of the endpoint that has fallen behind.
#[derive(Default)]
pub(crate) struct Flapping(Mutex<HashMap<String, First>>);

struct First {
    answer: Reply,
    /// How often the question was asked since.
    again: u64,
}

impl Flapping {
    /// The answer to give: this one, which is true now, or the first one that this question got. The second and every
    /// other one after it are true.
    pub(crate) fn answer(&self, question: String, now: Reply) -> Reply {
        let mut firsts = locked(&self.0);
        let Some(first) = firsts.get_mut(&question) else {
            firsts.insert(question, First { answer: now.clone(), again: 0 });
            return now;
        };
        first.again += 1;
        if first.again % 2 == 0 { first.answer.clone() } else { now }
    }
}

#[cfg(test)]
mod tests {
    use hyper::{HeaderMap, StatusCode};

    use super::*;

    #[test]
    fn answers_go_back_and_forth_between_the_first_one_and_the_truth() {
        let reply = |body: &'static str| Reply { status: StatusCode::OK, headers: HeaderMap::new(), body: body.into() };
        let flapping = Flapping::default();
        let given = |truth| flapping.answer("GetRole reader".into(), reply(truth)).text().to_owned();
        let answers = ["none", "made", "made", "edited", "edited"].map(given);
        assert_eq!(answers, ["none", "made", "none", "edited", "none"]);
        assert_eq!(flapping.answer("GetRole writer".into(), reply("made")).text(), "made");
    }
}

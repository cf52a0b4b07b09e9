//! The stages of `images/Containerfile` that make an image: what it holds and how it starts, in the few instructions that such a
//! stage has. Another instruction is an error, so that an image made here cannot lack what one made by a container engine has.

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, Result, bail, ensure};

use crate::repository;

/// The file with the stages, from the root of the repository.
const FILE: &str = "images/Containerfile";

/// What the lines `ARG` stand for.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// `VERSION`: the version of the programs.
    pub version: String,
    /// `REVISION`: the commit they are built from.
    pub revision: String,
    /// `SOURCE`: the URL of the repository.
    pub source: String,
}

/// A stage.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Recipe {
    /// From the path in the stage of the build to the path in the image.
    pub files: Vec<(String, String)>,
    /// `<uid>:<gid>`.
    pub user: String,
    /// The program and its first arguments.
    pub entrypoint: Vec<String>,
    /// What registries show of the image.
    pub labels: BTreeMap<String, String>,
}

impl Recipe {
    /// Reads one stage of the Containerfile, such as `operator`.
    pub fn read(stage: &str, facts: &Facts) -> Result<Self> {
        let text = fs::read_to_string(repository().join(FILE)).with_context(|| format!("cannot read {FILE}"))?;
        Self::parse(&text, stage, facts).with_context(|| format!("{FILE}, stage {stage}"))
    }

    fn parse(text: &str, stage: &str, facts: &Facts) -> Result<Self> {
        let from = format!("FROM scratch AS {stage}");
        ensure!(text.lines().any(|line| line == from), "there is no line `{from}`");
        let lines = text.lines().skip_while(|line| *line != from).skip(1).take_while(|line| !line.starts_with("FROM "));
        let mut recipe = Self::default();
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            recipe.add(line, facts).with_context(|| format!("`{line}`"))?;
        }
        ensure!(!recipe.files.is_empty() && !recipe.entrypoint.is_empty(), "it copies nothing, or starts nothing");
        let (uid, _) = recipe.user.split_once(':').context("USER must be `<uid>:<gid>`")?;
        ensure!(uid.parse::<u32>()? > 0, "USER must not be root");
        Ok(recipe)
    }

    fn add(&mut self, line: &str, facts: &Facts) -> Result<()> {
        let (instruction, rest) = line.split_once(' ').context("an instruction without arguments")?;
        match instruction {
            "ARG" => drop(fact(rest, facts)?),
            "LABEL" => {
                let (name, value) = rest.split_once('=').context("write LABEL name=\"value\"")?;
                self.labels.insert(name.to_owned(), text_of(value, facts)?);
            }
            "COPY" => {
                let paths = rest.strip_prefix("--from=build ").context("files come from the stage `build`")?;
                let (from, to) = paths.split_once(' ').context("write one file and its path in the image")?;
                ensure!(!to.contains(' ') && !to.ends_with('/'), "write one file and its whole path in the image");
                self.files.push((from.to_owned(), to.to_owned()));
            }
            "USER" => rest.clone_into(&mut self.user),
            "ENTRYPOINT" => self.entrypoint = serde_json::from_str(rest).context("write a JSON array")?,
            _ => bail!("an image that is made without a container engine has no {instruction}"),
        }
        Ok(())
    }
}

/// The value of a label: text, or one variable.
fn text_of(value: &str, facts: &Facts) -> Result<String> {
    let text = value.strip_prefix('"').and_then(|text| text.strip_suffix('"')).context("write the value in quotes")?;
    let variable = text.strip_prefix("${").and_then(|text| text.strip_suffix('}'));
    if let Some(name) = variable {
        return fact(name, facts).map(str::to_owned);
    }
    ensure!(!text.contains(['$', '"', '\\']), "a value is text or one variable");
    Ok(text.to_owned())
}

fn fact<'a>(name: &str, facts: &'a Facts) -> Result<&'a str> {
    match name {
        "VERSION" => Ok(&facts.version),
        "REVISION" => Ok(&facts.revision),
        "SOURCE" => Ok(&facts.source),
        _ => bail!("nobody gives {name} a value"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(lines: &str) -> Result<Recipe> {
        let facts = Facts { version: "1.2.3".to_owned(), ..Facts::default() };
        let before = "FROM rust AS build\nRUN cargo build\n\nFROM scratch AS other\nUSER 1:1\n\nFROM scratch AS it\n";
        Recipe::parse(&format!("{before}{lines}\n\nFROM scratch AS last\nUSER 2:2\n"), "it", &facts)
    }

    const WHOLE: &str = "ARG VERSION\nLABEL version=\"${VERSION}\"\nLABEL title=\"It\"\nCOPY --from=build /out/it /it\nUSER 65532:65532\n\
                         ENTRYPOINT [\"/it\", \"run\"]";

    #[test]
    fn a_stage_is_read_up_to_the_next_one() -> Result<()> {
        let labels = BTreeMap::from([("title", "It"), ("version", "1.2.3")].map(|(k, v)| (k.to_owned(), v.to_owned())));
        let expected = Recipe {
            files: vec![("/out/it".to_owned(), "/it".to_owned())],
            user: "65532:65532".to_owned(),
            entrypoint: vec!["/it".to_owned(), "run".to_owned()],
            labels,
        };
        assert_eq!(parse(WHOLE)?, expected);
        Ok(())
    }

    #[test]
    fn what_cannot_be_done_without_an_engine_is_an_error_that_shows_the_line() {
        for (line, problem) in [
            ("RUN echo", "has no RUN"),
            ("ENV A=b", "has no ENV"),
            ("COPY src /src", "files come from the stage `build`"),
            ("COPY --from=build /a /b /c/", "one file"),
            ("COPY --from=build /a /b/", "one file"),
            ("LABEL a=\"v${VERSION}\"", "text or one variable"),
            ("LABEL a=\"${OTHER}\"", "nobody gives OTHER a value"),
            ("LABEL a=b", "in quotes"),
            ("ARG OTHER", "nobody gives OTHER a value"),
            ("USER root", "USER must be"),
            ("USER 0:0", "must not be root"),
            ("ENTRYPOINT /it", "JSON array"),
        ] {
            let error = format!("{:#}", parse(&format!("{WHOLE}\n{line}")).expect_err(line));
            assert!(error.contains(problem), "{line}: {error}");
        }
        let error = Recipe::parse("FROM scratch AS it", "that", &Facts::default()).expect_err("no stage").to_string();
        assert!(error.contains("FROM scratch AS that"), "{error}");
    }
}

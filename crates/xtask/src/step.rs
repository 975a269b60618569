//! The steps of `cargo xtask test`: what each is for and what it runs.

use std::path::Path;

use clap::ValueEnum;

use crate::{
    bench,
    command::{Command, Failure},
    conformance, databases, evidence, features, house, instructions, packages, shop,
    tools::Tool,
};

/// In the order they run: what fails fastest comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// The code is laid out as rustfmt lays it out
    Format,
    /// The tree keeps its own rules: lengths, links, lints, nothing half done
    House,
    /// No lint of the workspace fires, in any target, with every feature on
    Clippy,
    /// The documentation builds without a broken link
    Docs,
    /// Each feature of the libraries builds alone, and none does too
    Features,
    /// The unit, property, conformance and HTTP tests pass
    Test,
    /// The npm packages build, pass their tests and hold what they should
    Packages,
    /// The committed shop page is the one that its source makes
    Shop,
    /// The shop page works in a real browser, whatever happens to it
    Browser,
    /// The program that users start builds with the settings of a release
    ReleaseBuild,
    /// What textbooks show, on Express, is judged as docs/conformance.md says
    Conformance,
    /// The benchmarks run, and every request of theirs is answered rightly
    Bench,
    /// The promises hold: model, simulation, planted mistakes, faults, kills
    Prove,
}

// === impl Step ===

impl Step {
    pub(crate) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    pub(crate) fn name(self) -> String {
        self.describe(|value| value.get_name().to_owned())
    }

    pub(crate) fn purpose(self) -> String {
        self.describe(|value| value.get_help().map(ToString::to_string).unwrap_or_default())
    }

    /// The name that `--only` takes and its line in the help are the ones shown everywhere.
    fn describe(self, part: impl Fn(&clap::builder::PossibleValue) -> String) -> String {
        self.to_possible_value().as_ref().map(part).unwrap_or_default()
    }

    pub(crate) fn run(self, root: &Path) -> Result<(), Failure> {
        let missing_tools = |failure: Failure| {
            let missing = self.tools().iter().filter(|tool| tool.is_missing(root));
            missing.fold(failure, |failure, tool| failure.hinting(tool.advice()))
        };
        self.run_commands(root).map_err(missing_tools)
    }

    fn run_commands(self, root: &Path) -> Result<(), Failure> {
        match self {
            Self::Format => Command::cargo(&["fmt", "--all", "--check"]).run(root),
            Self::House => house::run(root),
            Self::Clippy => {
                let everything = ["--workspace", "--all-targets", "--all-features"];
                let clippy = [&["clippy"], &everything[..], &["--", "-D", "warnings"]].concat();
                Command::cargo(&clippy).run(root)?;
                // What only builds for the evidence have stands in no test. One is among the targets
                // all the same: what all stands on has the features then that it was just checked with.
                let evidence = ["--lib", "--bins", "--test", "log", "--all-features"];
                Command::cargo(&[&["check", "--workspace"], &evidence[..]].concat())
                    .with("RUSTC_WORKSPACE_WRAPPER", evidence::LINTS)
                    .run(root)
            }
            Self::Docs => Command::cargo(&["doc", "--workspace", "--no-deps", "--all-features"])
                .with("RUSTDOCFLAGS", "-D warnings")
                .run(root),
            Self::Features => features::run(root),
            Self::Test => {
                databases::installed(root)?;
                conformance::express(root)?;
                Command::cargo(&["test", "--workspace", "--all-features"]).run(root)
            }
            Self::Packages => packages::run(root),
            Self::Shop => shop::page(root),
            Self::Browser => shop::browser(root),
            Self::ReleaseBuild => release_build().run(root),
            Self::Conformance => conformance::textbook(root),
            Self::Bench => bench::smoke(root).and_then(|()| instructions::told(root)),
            Self::Prove => evidence::prove(root, &[]),
        }
    }

    /// What it builds in a folder that the steps before it leave alone.
    pub(crate) fn builds(self) -> Vec<Command> {
        match self {
            Self::ReleaseBuild => vec![release_build()],
            Self::Bench => vec![instructions::build()],
            Self::Prove => evidence::build_commands(),
            _ => Vec::new(),
        }
    }

    fn tools(self) -> &'static [Tool] {
        match self {
            Self::Format => &[Tool::Rustfmt],
            Self::House => &[],
            Self::Clippy | Self::Features => &[Tool::Clippy, Tool::CCompiler],
            Self::Packages | Self::Shop => &[Tool::Node],
            Self::Conformance => &[Tool::Node, Tool::CCompiler],
            Self::Browser => &[Tool::Node, Tool::Chromium, Tool::CCompiler],
            Self::Docs | Self::Test | Self::ReleaseBuild | Self::Bench | Self::Prove => {
                &[Tool::CCompiler]
            }
        }
    }
}

/// All settings are those of a release. In this folder the evidence finds the dependencies built.
fn release_build() -> Command {
    Command::cargo(&["build", "--profile", "proof"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_name_and_says_what_it_is_for() {
        for step in Step::all() {
            assert!(!step.name().is_empty() && !step.purpose().is_empty(), "{step:?}");
        }
        assert_eq!(Step::ReleaseBuild.name(), "release-build");
    }
}

//! Runs the cases of `conformance/` on the Rust core, through the wire form that both bindings use: a trial a case.
//!
//! The format is described in `conformance/README.md`. What stands here does for Rust what `conformance/src` does for
//! TypeScript: the same operations, operators and generators.

mod case;
mod inputs;
mod matching;
mod run;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};

/// What this runner can express: not the values of other languages, and no inputs of hundreds of megabytes, which would
/// be written and read as JSON several times over.
const CAPABILITIES: &[&str] = &["persistence", "lazyOpen", "dynamicTypes", "optionsObject"];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let (total, cases) = case::load();
    let trials: Vec<Trial> = cases.into_iter().map(trial).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    let accounted = conclusion.num_passed
        + conclusion.num_failed
        + conclusion.num_ignored
        + conclusion.num_filtered_out;
    if !arguments.list && accounted != total {
        eprintln!("{accounted} cases accounted for, the manifest has {total}");
        return ExitCode::FAILURE;
    }
    let ran = conclusion.num_passed + conclusion.num_failed;
    if !arguments.list && ran == 0 && conclusion.num_filtered_out == 0 {
        eprintln!("an empty run: all was skipped");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

/// Ignored is libtest's word for skipped.
fn trial(one: case::LoadedCase) -> Trial {
    let lacks: Vec<&str> = one
        .requires
        .iter()
        .map(String::as_str)
        .filter(|capability| !CAPABILITIES.contains(capability))
        .collect();
    let skipped = !lacks.is_empty();
    let name = if skipped {
        format!("{} (requires {})", one.title(), lacks.join(", "))
    } else {
        one.title()
    };
    Trial::test(name, move || run::run_case(&one).map_err(Failed::from)).with_ignored_flag(skipped)
}

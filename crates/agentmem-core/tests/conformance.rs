//! Placeholder: a trial a case.
fn main() {
    let args = libtest_mimic::Arguments::from_args();
    let trials = vec![libtest_mimic::Trial::test("placeholder", || Ok(()))];
    libtest_mimic::run(&args, trials).exit();
}

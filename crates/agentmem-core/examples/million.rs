//! Prints what a large store costs: `cargo run --release -p agentmem-core --example million -- FILE [RECORDS] [USERS]`.
//!
//! The records are made up: turns of 25 words out of 3,000, users in random order. The file must not exist; it is removed at the end.
//! With `taskset -c 0` before it everything is done by one core, which shows in the first question to all.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use agentmem_core::{
    AsOf, Match, Memory, Mode, NewRecord, Options, ScopeMatch, Search, Select, Timestamp,
};

const QUESTION: &str = "what about gra10 and pol21, with min33 perhaps?";
const SYLLABLES: [&str; 5] = ["gra", "pol", "ter", "min", "sor"];

/// Knuth's linear congruential generator: the same records in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn turn(&mut self, users: usize, place: usize) -> Result<NewRecord, agentmem_core::Error> {
        let words: Vec<String> = (0..25)
            .map(|_| {
                let word = self.below(3000);
                format!("{}{word}", SYLLABLES[word % SYLLABLES.len()])
            })
            .collect();
        Ok(NewRecord {
            user_id: Some(format!("user-{}", self.below(users))),
            role: Some("user".to_owned()),
            created_at: Some(Timestamp::from_millis(
                1_700_000_000_000 + place as i64 * 1000,
            )?),
            ..NewRecord::from(words.join(" "))
        })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments
        .next()
        .ok_or("usage: million FILE [RECORDS] [USERS]")?;
    let path = Path::new(&path);
    if path.exists() {
        return Err("the file exists already: name one that may be made and removed".into());
    }
    let records: usize = arguments
        .next()
        .map_or(Ok(1_000_000), |text| text.parse())?;
    let users: usize = arguments
        .next()
        .map_or(Ok(records / 100), |text| text.parse())?;
    println!("{records} records, {users} users\n\n| | |\n|---|---|");
    write(path, records, users)?;
    read(path)?;
    read_past(path, records)?;
    std::fs::remove_file(path)?;
    Ok(())
}

fn write(path: &Path, records: usize, users: usize) -> Result<(), Box<dyn Error>> {
    let mut random = Random(1);
    let memory = Memory::open(path, Options::default())?;
    let mut times = Vec::new();
    let mut text = 0;
    for batch in 0..records / 1000 {
        let items: Vec<NewRecord> = (0..1000)
            .map(|place| random.turn(users, batch * 1000 + place))
            .collect::<Result<_, _>>()?;
        text += items.iter().map(|item| item.content.len()).sum::<usize>();
        times.push(timed(|| memory.add_many(items))?.0);
    }
    let tenth = (times.len() / 10).max(1);
    row(
        "addMany by 1,000, the first tenth: a record",
        median(&mut times[..tenth]) / 1000,
    );
    let last = times.len() - tenth;
    row(
        "the last tenth: a record",
        median(&mut times[last..]) / 1000,
    );
    let mut times = Vec::new();
    for place in 0..500 {
        let turn = random.turn(users, records + place)?;
        times.push(timed(|| memory.add(turn))?.0);
    }
    row("one add, durable", median(&mut times));
    memory.close();
    let bytes = std::fs::metadata(path)?.len() / records as u64;
    println!(
        "| bytes a record, of which {} of text | {bytes} |",
        text / records
    );
    Ok(())
}

fn read(path: &Path) -> Result<(), Box<dyn Error>> {
    // Room for everything: what is to be seen is the cost of loading, not of loading again.
    let options = Options {
        cache_bytes: u64::MAX >> 11,
        ..Options::default()
    };
    let (elapsed, memory) = timed(|| Memory::open(path, options))?;
    row("opening", elapsed);
    let user = |user: usize| Match::Is(format!("user-{user}"));
    for (name, user) in [
        ("one user's first question", user(7)),
        ("the same user's next", user(7)),
        ("another user's first", user(8)),
    ] {
        row(name, timed(|| ask(&memory, user, Mode::Hybrid, None))?.0);
    }
    for mode in [Mode::Hybrid, Mode::Semantic, Mode::Lexical] {
        let mut times = (0..1000)
            .map(|_| Ok(timed(|| ask(&memory, user(7), mode, None))?.0))
            .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
        row(&format!("one user, loaded, {mode:?}"), median(&mut times));
    }
    row(
        "the first question to all",
        timed(|| ask(&memory, Match::Any, Mode::Hybrid, None))?.0,
    );
    row(
        "the next",
        timed(|| ask(&memory, Match::Any, Mode::Hybrid, None))?.0,
    );
    if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        println!("| peak memory | {} |", peak.unwrap_or("unknown").trim());
    }
    Ok(())
}

/// What it costs to ask of earlier states, before and after a tenth of the records was deleted.
fn read_past(path: &Path, records: usize) -> Result<(), Box<dyn Error>> {
    let memory = Memory::open(path, Options::default())?;
    let all = AsOf::Seq(i64::try_from(records)?);
    let half = AsOf::Seq(i64::try_from(records / 2)?);
    let user = Match::Is("user-7".to_owned());
    let row_of = |name: &str, as_of: AsOf| -> Result<(), Box<dyn Error>> {
        let mut times = (0..20)
            .map(|_| Ok(timed(|| ask(&memory, user.clone(), Mode::Hybrid, Some(as_of)))?.0))
            .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
        row(name, median(&mut times));
        Ok(())
    };
    row_of("one user, as it was after half of the records", half)?;
    row_of("one user, as it was after all", all)?;
    let until = Some(Timestamp::from_millis(
        1_700_000_000_000 + records as i64 * 100,
    )?);
    let (elapsed, _) = timed(|| {
        memory.clear(Select {
            until,
            ..Select::default()
        })
    })?;
    row("clearing a tenth", elapsed);
    row_of("one user, as it was before that", all)?;
    let count = || memory.count_as_of(Select::default(), all);
    row("count, as it was before that", timed(count)?.0);
    Ok(())
}

fn ask(
    memory: &Memory,
    user_id: Match,
    mode: Mode,
    as_of: Option<AsOf>,
) -> Result<usize, agentmem_core::Error> {
    let select = Select {
        scope: ScopeMatch {
            user_id,
            ..ScopeMatch::default()
        },
        ..Select::default()
    };
    memory
        .search(
            QUESTION,
            Search {
                select,
                mode,
                as_of,
                ..Search::default()
            },
        )
        .map(|hits| hits.len())
}

fn timed<T, E: Into<Box<dyn Error>>>(
    work: impl FnOnce() -> Result<T, E>,
) -> Result<(Duration, T), Box<dyn Error>> {
    let begun = Instant::now();
    let done = work().map_err(Into::into)?;
    Ok((begun.elapsed(), done))
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn row(name: &str, time: Duration) {
    println!("| {name} | {time:.1?} |");
}

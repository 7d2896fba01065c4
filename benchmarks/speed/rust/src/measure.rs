//! Clocks, memory, and what is told of many calls: as `measure.py` does.

use std::path::Path;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::Failed;

/// CPU time is the median of so many rounds: one that another process disturbed does not count.
const ROUNDS: usize = 10;
/// The processor's clock is read after so many calls, or after a tenth of them where that is less.
const SLICE: usize = 20;
/// So many of the first calls are told of by themselves.
const EARLY: usize = 100;
/// Where so many calls took less than `BRIEF` seconds, there are more until then.
const ENOUGH: usize = 200;
const BRIEF: f64 = 2.0;

/// Seconds of CPU that all threads of this process have had.
pub fn cpu() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// Calls for each thing in turn, again and again: `most` times, or for so many seconds.
pub fn repeated<T>(
    things: &[T],
    seconds: f64,
    most: usize,
    mut call: impl FnMut(&T) -> Result<(), Failed>,
) -> Result<Value, Failed> {
    let (mut walls, mut slices) = (Vec::with_capacity(most), Vec::new());
    let size = (things.len() / ROUNDS).clamp(1, SLICE);
    let begun = Instant::now();
    let mut rest = things.iter().cycle().take(most).peekable();
    while rest.peek().is_some() {
        let (before, done) = (cpu(), walls.len());
        for thing in rest.by_ref().take(size) {
            let at = Instant::now();
            call(thing)?;
            walls.push(at.elapsed().as_secs_f64());
            if walls.len() >= 3 && begun.elapsed().as_secs_f64() > seconds {
                break;
            }
        }
        slices.push((cpu() - before, walls.len() - done));
        let limit = if walls.len() < ENOUGH { seconds } else { BRIEF };
        if begun.elapsed().as_secs_f64() > limit {
            break;
        }
    }
    let early = &slices[..slices.len().min(EARLY / size)];
    let early = json!({"cpu": each(early), "median": median(&mut walls[..walls.len().min(EARLY)].to_vec())});
    let round = (slices.len() / ROUNDS).max(1);
    let mut spent: Vec<f64> = slices.chunks_exact(round).map(each).collect();
    let p99 = walls.len() * 99 / 100;
    let median = median(&mut walls);
    Ok(
        json!({"median": median, "p99": walls[p99.min(walls.len() - 1)], "count": walls.len(), "rate": 1.0 / mean(&walls),
        "cpu": self::median(&mut spent), "early": early}),
    )
}

/// Calls for each thing once.
pub fn timed<T>(
    things: &[T],
    seconds: f64,
    call: impl FnMut(&T) -> Result<(), Failed>,
) -> Result<Value, Failed> {
    repeated(things, seconds, things.len(), call)
}

/// CPU time a call.
fn each(slices: &[(f64, usize)]) -> f64 {
    let (spent, calls) = slices.iter().fold((0.0, 0), |(spent, calls), slice| {
        (spent + slice.0, calls + slice.1)
    });
    spent / calls.max(1) as f64
}

/// Sorts the values and gives the middle one.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        _ if values.is_empty() => 0.0,
        0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// A number of `/proc/self/status` in bytes, `VmHWM` for the most memory so far and `VmRSS` for that of now; null elsewhere.
pub fn memory(name: &str) -> Value {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.map_or(Value::Null, |kilobytes| json!(kilobytes * 1024))
}

/// The bytes of all files of a folder.
pub fn on_disk(folder: &Path) -> Result<u64, Failed> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

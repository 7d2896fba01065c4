//! What the same bytes cost without an engine around them: int8 vectors one behind the other.

use std::hint::black_box;
use std::time::Instant;

use agentmem_core::Mode;
use serde_json::{Value, json};

use crate::Failed;
use crate::data::{Question, Task};
use crate::measure::{cpu, median};
use crate::workloads::opened;

const LIMIT: usize = 10;
const SCANS: usize = 50;
/// So many of one kind before so many of the other.
const TURN: usize = 5;

/// The dot products of a question with all vectors and the best ten of them; and the mere reading of the bytes.
pub fn scan(task: &Task) -> Result<Value, Failed> {
    let mut bare = Bare::read(task)?;
    let products = times(|| bare.scan());
    Ok(json!({"semantic": products, "reading": reading_of(&bare.vectors)}))
}

/// CPU time of questions to a system and of bare scans, by turns, since the machine's speed changes: medians.
pub fn beside(task: &Task) -> Result<Value, Failed> {
    let (system, asked) = (opened(task)?, task.questions()?);
    let ask = |question: &Question| system.search(question, Mode::Semantic, None, None);
    ask(&asked[0])?;
    let mut bare = Bare::read(task)?;
    let (mut own, mut scans) = (Vec::new(), Vec::new());
    for questions in asked.chunks(TURN).take(SCANS / TURN) {
        for question in questions {
            let before = cpu();
            ask(question)?;
            own.push(cpu() - before);
        }
        for _ in questions {
            let before = cpu();
            bare.scan();
            scans.push(cpu() - before);
        }
    }
    Ok(json!({"own": median(&mut own), "scan": median(&mut scans)}))
}

/// Vectors one behind the other, and one of them as the question.
struct Bare {
    vectors: Vec<i8>,
    query: Vec<i16>,
    best: Vec<(i32, usize)>,
}

impl Bare {
    fn read(task: &Task) -> Result<Bare, Failed> {
        let mut vectors: Vec<i8> = Vec::new();
        for record in task.records()? {
            vectors.extend(record?.vector.iter().map(|part| (part * 400.0) as i8));
        }
        let first = vectors[..task.kind.dimensions()].iter();
        let query = first.map(|&part| i16::from(part)).collect();
        let best = Vec::with_capacity(LIMIT + 1);
        Ok(Bare {
            vectors,
            query,
            best,
        })
    }

    fn scan(&mut self) {
        self.best.clear();
        products(&self.vectors, &self.query, &mut self.best);
        black_box(&self.best);
    }
}

/// The mere reading of so many bytes.
pub fn reading(bytes: usize) -> Value {
    reading_of(&vec![1; bytes])
}

fn reading_of(vectors: &[i8]) -> Value {
    times(|| {
        black_box(read(black_box(vectors)));
    })
}

fn times(mut work: impl FnMut()) -> Value {
    let (mut walls, mut spent) = (Vec::new(), Vec::new());
    for _ in 0..SCANS {
        let (at, before) = (Instant::now(), cpu());
        work();
        walls.push(at.elapsed().as_secs_f64());
        spent.push(cpu() - before);
    }
    let median_wall = median(&mut walls);
    json!({"median": median_wall, "p99": walls[SCANS - 1], "count": SCANS, "cpu": median(&mut spent)})
}

fn products(vectors: &[i8], query: &[i16], best: &mut Vec<(i32, usize)>) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[allow(
            unsafe_code,
            reason = "the processor has the instructions, as was just asked"
        )]
        // SAFETY: AVX2 was detected.
        unsafe {
            products_avx2(vectors, query, best);
        }
        return;
    }
    products_anywhere(vectors, query, best);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn products_avx2(vectors: &[i8], query: &[i16], best: &mut Vec<(i32, usize)>) {
    products_anywhere(vectors, query, best);
}

#[inline(always)]
fn products_anywhere(vectors: &[i8], query: &[i16], best: &mut Vec<(i32, usize)>) {
    let mut least = i32::MIN;
    for (place, vector) in vectors.chunks_exact(query.len()).enumerate() {
        let product: i32 = vector
            .iter()
            .zip(query)
            .map(|(&a, &b)| i32::from(i16::from(a)) * i32::from(b))
            .sum();
        if product > least {
            let at = best.partition_point(|&(other, _)| other >= product);
            best.insert(at, (product, place));
            best.truncate(LIMIT);
            if best.len() == LIMIT {
                least = best[LIMIT - 1].0;
            }
        }
    }
}

/// The exclusive or of all bytes, eight at a time.
fn read(bytes: &[i8]) -> i64 {
    let words = bytes.as_chunks::<8>().0.iter();
    words.fold(0, |sum, &word| {
        sum ^ i64::from_le_bytes(word.map(i8::cast_unsigned))
    })
}

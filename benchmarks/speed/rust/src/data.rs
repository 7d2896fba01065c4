//! What `data.py` wrote: records, vectors and questions.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{BufRead, BufReader, Lines, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use agentmem_core::Metadata;
use serde_json::Value;

use crate::Failed;

pub struct Task {
    pub system: String,
    pub kind: Kind,
    pub workloads: Vec<String>,
    /// How many of the records that were made are used.
    pub records: usize,
    pub made: usize,
    pub adds: usize,
    pub together: usize,
    /// No workload calls for longer than this once it has begun.
    pub seconds: f64,
    pub store: PathBuf,
    data: PathBuf,
}

impl Task {
    pub fn read(path: &str) -> Result<Task, Failed> {
        let task: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
        let text = |name: &str| task[name].as_str().ok_or(format!("the task lacks {name}"));
        let number = |name: &str| task[name].as_u64().ok_or(format!("the task lacks {name}"));
        let workloads = task["workloads"].as_array().into_iter().flatten();
        Ok(Task {
            system: text("system")?.to_owned(),
            kind: Kind::named(text("kind")?)?,
            workloads: workloads
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect(),
            records: number("records")? as usize,
            made: number("made")? as usize,
            adds: number("adds")? as usize,
            together: number("together")? as usize,
            seconds: task["seconds"].as_f64().ok_or("the task lacks seconds")?,
            store: text("store")?.into(),
            data: text("data")?.into(),
        })
    }

    pub fn store(&self, what: &str) -> PathBuf {
        format!("{}{what}", self.store.display()).into()
    }

    /// The records in order, read as they are needed.
    pub fn records(&self) -> Result<Records, Failed> {
        Ok(Records {
            lines: BufReader::new(File::open(self.data.join("records.jsonl"))?).lines(),
            vectors: Vectors::open(&self.data, self.kind, 0)?,
            left: self.records,
        })
    }

    /// The records at some places, in that order; what is asked for twice comes once.
    pub fn records_at(&self, places: &[usize]) -> Result<Vec<Record>, Failed> {
        let wanted: HashSet<usize> = places.iter().copied().collect();
        let mut found = HashMap::new();
        for (place, record) in self.records()?.enumerate() {
            if wanted.contains(&place) {
                found.insert(place, record?);
            }
        }
        Ok(places
            .iter()
            .filter_map(|place| found.remove(place))
            .collect())
    }

    pub fn questions(&self) -> Result<Vec<Question>, Failed> {
        let mut vectors = Vectors::open(&self.data, self.kind, self.made)?;
        BufReader::new(File::open(self.data.join("questions.jsonl"))?)
            .lines()
            .map(|line| {
                let mut made: Value = serde_json::from_str(&line?)?;
                Ok(Question {
                    text: taken(&mut made, "text")?,
                    user: taken(&mut made, "user")?,
                    vector: vectors.next()?,
                    exact: made,
                })
            })
            .collect()
    }
}

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Vectors,
    Vectors128,
    Text,
}

impl Kind {
    pub fn named(name: &str) -> Result<Kind, Failed> {
        match name {
            "vectors" => Ok(Kind::Vectors),
            "vectors128" => Ok(Kind::Vectors128),
            "text" => Ok(Kind::Text),
            _ => Err(format!("there is no kind {name}").into()),
        }
    }

    pub fn dimensions(self) -> usize {
        match self {
            Kind::Vectors => 384,
            Kind::Vectors128 => 128,
            Kind::Text => 0,
        }
    }
}

#[derive(Clone)]
pub struct Record {
    pub id: String,
    pub text: String,
    pub user: String,
    pub metadata: Metadata,
    pub vector: Vec<f32>,
}

pub struct Question {
    pub text: String,
    pub user: String,
    pub vector: Vec<f32>,
    /// An object of ids by what they are chosen from.
    pub exact: Value,
}

pub struct Records {
    lines: Lines<BufReader<File>>,
    vectors: Vectors,
    left: usize,
}

impl Records {
    /// The next ones, at most so many.
    pub fn batch(&mut self, size: usize) -> Result<Vec<Record>, Failed> {
        self.take(size).collect()
    }

    fn read(&mut self, line: std::io::Result<String>) -> Result<Record, Failed> {
        let mut made: Value = serde_json::from_str(&line?)?;
        let Value::Object(metadata) = made["metadata"].take() else {
            return Err("a record lacks metadata".into());
        };
        Ok(Record {
            id: taken(&mut made, "id")?,
            text: taken(&mut made, "text")?,
            user: taken(&mut made, "user")?,
            metadata,
            vector: self.vectors.next()?,
        })
    }
}

impl Iterator for Records {
    type Item = Result<Record, Failed>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let line = self.lines.next()?;
        Some(self.read(line))
    }
}

fn taken(made: &mut Value, name: &str) -> Result<String, Failed> {
    match made[name].take() {
        Value::String(text) => Ok(text),
        _ => Err(format!("a line lacks {name}").into()),
    }
}

struct Vectors {
    file: Option<BufReader<File>>,
    dimensions: usize,
}

impl Vectors {
    fn open(data: &Path, kind: Kind, first: usize) -> Result<Vectors, Failed> {
        let dimensions = kind.dimensions();
        let name = match kind {
            Kind::Vectors128 => "vectors128.f32",
            _ => "vectors.f32",
        };
        let mut file = None;
        if dimensions > 0 {
            let mut opened = BufReader::new(File::open(data.join(name))?);
            opened.seek(SeekFrom::Start(4 * (dimensions * first) as u64))?;
            file = Some(opened);
        }
        Ok(Vectors { file, dimensions })
    }

    fn next(&mut self) -> Result<Vec<f32>, Failed> {
        let Some(file) = &mut self.file else {
            return Ok(Vec::new());
        };
        let mut bytes = vec![0; 4 * self.dimensions];
        file.read_exact(&mut bytes)?;
        let parts = bytes.as_chunks().0.iter();
        Ok(parts.map(|&part| f32::from_le_bytes(part)).collect())
    }
}

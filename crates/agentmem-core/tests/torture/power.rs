//! The files as a power loss would leave them: what was synced is there, and of what came after any part.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use crate::disk::Step;
use crate::random::Random;

/// All subsets of so many writes are tried, and of more a choice.
const ALL_SUBSETS: usize = 5;
/// Of each kind of choice at most so many.
const CHOICES: usize = 12;
/// What a disk writes at once.
const SECTOR: usize = 512;

/// The files by their names.
pub type Image = BTreeMap<PathBuf, Vec<u8>>;

#[derive(Clone, Default)]
struct File {
    safe: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Truncate(u64),
}

#[derive(Clone)]
enum Entry {
    Add(PathBuf, usize),
    Remove(PathBuf),
}

/// A disk up to one moment.
#[derive(Default)]
struct Disk {
    files: Vec<File>,
    safe: BTreeMap<PathBuf, usize>,
    pending: Vec<Entry>,
}

/// Which changes have reached the disk, by their place among all that are pending; `torn` only in the sectors that are set.
#[derive(Clone)]
struct Choice {
    reached: Vec<bool>,
    torn: Option<(usize, u64)>,
    entries: usize,
}

/// The images of one recording, each given with how many calls had begun and how many were done.
pub fn images(
    steps: &[Step],
    random: &mut Random,
    mut each: impl FnMut(&Image, usize, usize),
) -> usize {
    let mut disk = Disk::default();
    let (mut begun, mut done) = (0, 0);
    let mut seen = HashSet::new();
    let mut count = 0;
    let mut show = |disk: &Disk, begun: usize, done: usize| {
        for choice in disk.choices(random) {
            let image = disk.image(&choice);
            let mut hasher = DefaultHasher::new();
            (&image, begun, done).hash(&mut hasher);
            if seen.insert(hasher.finish()) {
                count += 1;
                each(&image, begun, done);
            }
        }
    };
    for step in steps {
        match step {
            Step::Create(path, file, bytes) => {
                assert_eq!(*file, disk.files.len());
                disk.files.push(File {
                    safe: bytes.clone(),
                    pending: Vec::new(),
                });
                disk.pending.push(Entry::Add(path.clone(), *file));
            }
            Step::Delete(path) => disk.pending.push(Entry::Remove(path.clone())),
            Step::Write(file, at, bytes) => {
                let change = Change::Write(*at, bytes.clone());
                disk.files[*file].pending.push(change);
            }
            Step::Truncate(file, size) => disk.files[*file].pending.push(Change::Truncate(*size)),
            Step::Sync(file, with_folder) => {
                show(&disk, begun, done);
                disk.sync(*file);
                if *with_folder {
                    disk.sync_folder();
                }
            }
            Step::SyncFolder => {
                show(&disk, begun, done);
                disk.sync_folder();
            }
            Step::Begun(number) => begun = *number,
            Step::Done(number) => done = *number,
        }
    }
    show(&disk, begun, done);
    count
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>, sectors: u64) {
        match self {
            Change::Truncate(size) => bytes.resize(*size as usize, 0),
            Change::Write(at, written) => {
                let at = *at as usize;
                for (n, part) in written.chunks(SECTOR).enumerate() {
                    if sectors >> (n % 64) & 1 == 0 {
                        continue;
                    }
                    let begin = at + n * SECTOR;
                    if bytes.len() < begin + part.len() {
                        bytes.resize(begin + part.len(), 0);
                    }
                    bytes[begin..begin + part.len()].copy_from_slice(part);
                }
            }
        }
    }
}

impl Entry {
    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Entry::Add(path, file) => drop(names.insert(path.clone(), *file)),
            Entry::Remove(path) => drop(names.remove(path)),
        }
    }
}

impl Disk {
    fn sync(&mut self, file: usize) {
        let file = &mut self.files[file];
        for change in file.pending.drain(..) {
            change.apply(&mut file.safe, u64::MAX);
        }
    }

    fn sync_folder(&mut self) {
        for entry in self.pending.drain(..) {
            entry.apply(&mut self.safe);
        }
    }

    fn choices(&self, random: &mut Random) -> Vec<Choice> {
        let count = self.files.iter().map(|file| file.pending.len()).sum();
        let mut chosen = Vec::new();
        let mut choose = |reached: Vec<bool>, torn| {
            for entries in 0..=self.pending.len() {
                chosen.push(Choice {
                    reached: reached.clone(),
                    torn,
                    entries,
                });
            }
        };
        if count <= ALL_SUBSETS {
            for bits in 0..1 << count {
                choose((0..count).map(|n| bits >> n & 1 == 1).collect(), None);
            }
        } else {
            let mut some: Vec<usize> = vec![0, 1, count - 1, count];
            some.extend((0..CHOICES).map(|_| random.below(count)));
            for n in some {
                choose((0..count).map(|k| k < n).collect(), None);
                choose((0..count).map(|k| k != n).collect(), None);
                choose((0..count).map(|_| random.below(2) == 1).collect(), None);
            }
        }
        for _ in 0..CHOICES.min(2 * count) {
            // One write is torn; those before it have reached the disk, or any have.
            let (torn, all_before) = (random.below(count), random.below(2) == 1);
            let reached = (0..count).map(|k| {
                if all_before {
                    k < torn
                } else {
                    k != torn && random.below(2) == 1
                }
            });
            choose(reached.collect(), Some((torn, random.next())));
        }
        chosen
    }

    fn image(&self, choice: &Choice) -> Image {
        let mut names = self.safe.clone();
        for entry in &self.pending[..choice.entries] {
            entry.apply(&mut names);
        }
        let mut number = 0;
        let mut contents = Vec::new();
        for file in &self.files {
            let mut bytes = file.safe.clone();
            for change in &file.pending {
                match choice.torn {
                    Some((torn, sectors)) if torn == number => change.apply(&mut bytes, sectors),
                    _ if choice.reached[number] => change.apply(&mut bytes, u64::MAX),
                    _ => {}
                }
                number += 1;
            }
            contents.push(bytes);
        }
        names
            .into_iter()
            .map(|(path, file)| (path, contents[file].clone()))
            .collect()
    }
}

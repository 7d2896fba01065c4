//! The manifest and the files that it lists.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

/// One case, with the file that it stands in and all that it requires.
pub struct LoadedCase {
    pub file: String,
    pub case: Value,
    pub requires: Vec<String>,
}

impl LoadedCase {
    pub fn title(&self) -> String {
        format!("{}: {}", self.file, text(&self.case["name"]))
    }
}

/// The manifest's total, and every case of every file that it lists.
pub fn load() -> (u64, Vec<LoadedCase>) {
    let manifest = read("manifest.json");
    let total = manifest["total"]
        .as_u64()
        .expect("the manifest has a total");
    let mut loaded = Vec::new();
    for entry in list(&manifest["cases"]) {
        let file = text(&entry["file"]);
        let content = read(file);
        for case in list(&content["cases"]) {
            let required = list(&content["requires"])
                .iter()
                .chain(list(&case["requires"]));
            loaded.push(LoadedCase {
                file: file.to_owned(),
                case: case.clone(),
                requires: required.map(|name| text(name).to_owned()).collect(),
            });
        }
    }
    (total, loaded)
}

fn read(file: &str) -> Value {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../conformance", file]
        .iter()
        .collect();
    let content = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
    serde_json::from_str(&content).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The elements of an array; of what is missing, none.
pub fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("the case has {value} where a text belongs"))
}

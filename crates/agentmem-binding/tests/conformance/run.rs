//! Runs one case on a fresh store.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use agentmem_binding::{Handle, WireError};
use serde_json::{Map, Value, json};

use crate::case::{LoadedCase, list, text};
use crate::inputs::{Context, resolve};
use crate::matching::{Mismatch, Saved, Verdict, matches};

const DEFAULT_CLOCK: &str = "2026-01-01T00:00:00.000Z";

/// The most threads that a `parallel` step uses.
const THREADS: usize = 16;

type Outcome = Result<Value, WireError>;
type Action<'a> = Box<dyn FnOnce() -> Outcome + Send + 'a>;

/// Runs a case; the error is the report of its first mismatch.
pub fn run_case(loaded: &LoadedCase) -> Result<(), String> {
    let steps = list(&loaded.case["steps"]);
    assert!(!steps.is_empty(), "{} has no steps", loaded.title());
    let mut run = CaseRun::new(&loaded.case);
    let result = run
        .all(steps)
        .map_err(|(step, mismatch)| report(loaded, &step, &mismatch));
    run.close_all();
    // A folder that stays behind is untidy, and no fault of the core's.
    let _ = fs::remove_dir_all(&run.folder);
    result
}

fn report(loaded: &LoadedCase, step: &str, mismatch: &Mismatch) -> String {
    let Mismatch {
        path,
        expected,
        actual,
    } = mismatch;
    format!(
        "{}\n  step      {step}\n  path      {path}\n  expected  {}\n  actual    {}",
        loaded.title(),
        show(expected),
        show(actual)
    )
}

fn show(value: &Value) -> String {
    let shown = value.to_string();
    if shown.chars().count() <= 2_000 {
        return shown;
    }
    shown.chars().take(2_000).chain("…".chars()).collect()
}

/// A handle that a case has made. Views are not closed: they have no `close`.
#[derive(Clone)]
struct Named {
    handle: Arc<Handle>,
    view: bool,
    /// The dimensions of the case's own embedder, if the handle has it: shared with its views, and changed by `reembed`.
    embedder: Arc<Mutex<Option<usize>>>,
}

/// One run of a case: its handles, what it saved, its clock and its folder.
struct CaseRun<'a> {
    case: &'a Value,
    folder: PathBuf,
    handles: HashMap<String, Named>,
    saved: Saved,
    /// Null where the case leaves time to the system.
    now: Value,
}

type Stepped = Result<(), (String, Mismatch)>;

impl<'a> CaseRun<'a> {
    fn new(case: &'a Value) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("agentmem-case-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let clock = case["clock"].as_str().unwrap_or(DEFAULT_CLOCK);
        let now = if clock == "system" {
            Value::Null
        } else {
            milliseconds(&json!(clock))
        };
        Self {
            case,
            folder,
            handles: HashMap::new(),
            saved: Saved::new(),
            now,
        }
    }

    fn all(&mut self, steps: &[Value]) -> Stepped {
        self.open_main(Map::new())
            .map_err(|error| ("open".to_owned(), unexpected(&error)))?;
        for (i, step) in steps.iter().enumerate() {
            self.step(step, &format!("steps[{i}]"), 0)?;
        }
        Ok(())
    }

    fn step(&mut self, step: &Value, at: &str, index: usize) -> Stepped {
        match text(&step["do"]) {
            "repeat" => {
                for i in 0..times(step) {
                    for (k, inner) in list(&step["steps"]).iter().enumerate() {
                        self.step(inner, &format!("{at}.steps[{k}]"), i)?;
                    }
                }
                Ok(())
            }
            "parallel" => self.parallel(step, at),
            _ => {
                let outcome = self.perform(step, index);
                self.settle(step, at, outcome)
            }
        }
    }

    /// Runs all inner steps on threads; the answers stand in the order in which the case has them.
    fn parallel(&mut self, step: &Value, at: &str) -> Stepped {
        let inner: Vec<(&Value, String, usize)> = (0..times(step))
            .flat_map(|i| {
                let steps = list(&step["steps"]).iter().enumerate();
                steps.map(move |(k, inner)| (inner, format!("{at}.steps[{k}]"), i))
            })
            .collect();
        let actions = inner
            .iter()
            .map(|(inner, _, index)| self.call(inner, *index))
            .collect();
        let outcomes = at_once(actions);
        let answers = outcomes.iter().map(|outcome| match outcome {
            Ok(value) => value.clone(),
            Err(error) => json!({ "error": error_value(error) }),
        });
        let answers: Value = answers.collect();
        for ((inner, inner_at, _), outcome) in inner.iter().zip(outcomes) {
            let judged = inner.get("expect").is_some() || inner.get("expectError").is_some();
            // Where the case judges all answers together, an error of one may be what it expects.
            if judged || step.get("expect").is_none() {
                self.settle(inner, inner_at, outcome)?;
            }
        }
        self.settle(step, at, Ok(answers))
    }

    fn perform(&mut self, step: &Value, index: usize) -> Outcome {
        let given = self.given(step, index);
        let operation = text(&step["do"]);
        if operation.starts_with("file.") {
            return Ok(file_operation(operation, &given));
        }
        match operation {
            "open" | "new" => {
                let open = if operation == "new" {
                    Handle::new
                } else {
                    Handle::open
                };
                self.open_as(text(&step["as"]), given, open)
                    .map(|()| Value::Null)
            }
            "reopen" => {
                self.close_all();
                self.open_main(given).map(|()| Value::Null)
            }
            "clock.set" => {
                self.now = milliseconds(&given["now"]);
                Ok(Value::Null)
            }
            "clock.advance" => {
                let now = self.now.as_f64().expect("the case has a clock");
                let by = given["ms"].as_f64().expect("clock.advance takes ms");
                self.now = json!(now + by);
                Ok(Value::Null)
            }
            "close" => {
                self.named(step).handle.close();
                Ok(Value::Null)
            }
            "scoped" => {
                let scope = step
                    .get("args")
                    .map_or(json!(given), |args| args[0].clone());
                let handle = self.named(step).handle.scoped(&scope.to_string())?;
                let view = Named {
                    handle: Arc::new(handle),
                    view: true,
                    embedder: Arc::clone(&self.named(step).embedder),
                };
                self.handles.insert(text(&step["as"]).to_owned(), view);
                Ok(Value::Null)
            }
            _ => self.call(step, index)(),
        }
    }

    /// An operation on a handle, ready to run on any thread.
    fn call(&self, step: &Value, index: usize) -> Action<'static> {
        let operation = text(&step["do"]).to_owned();
        let handle = Arc::clone(&self.named(step).handle);
        let args: Option<Vec<Value>> = step.get("args").map(|args| list(args).to_vec());
        let mut wire = wire_form(&operation, self.given(step, index), args);
        // The wire has whole milliseconds: reading the clock, and cutting its fraction, is the facade's part.
        if let Some(now) = self.now.as_f64() {
            wire.insert("now".to_owned(), json!(now.floor() as i64));
        }
        let embedder = Arc::clone(&self.named(step).embedder);
        if operation == "reembed" {
            return Box::new(move || reembed(&handle, wire, &embedder));
        }
        let vectors = take_vectors(&mut wire);
        let asks = matches!(operation.as_str(), "add" | "addMany" | "search" | "update");
        let dimensions = embedder
            .lock()
            .expect("no thread panicked")
            .filter(|_| asks);
        let wire = Value::Object(wire).to_string();
        Box::new(move || {
            let answer = match dimensions {
                Some(dimensions) => ask(&handle, &operation, wire, vectors, dimensions)?,
                None => handle.call(&operation, &wire, vectors)?,
            };
            Ok(serde_json::from_str(&answer).expect("an answer is JSON"))
        })
    }

    fn given(&self, step: &Value, index: usize) -> Map<String, Value> {
        self.resolved(step.get("with"), index)
    }

    fn resolved(&self, value: Option<&Value>, index: usize) -> Map<String, Value> {
        let context = Context {
            saved: &self.saved,
            index,
            folder: &self.folder,
        };
        match value.map(|value| resolve(value, context)) {
            Some(Value::Object(members)) => members,
            None => Map::new(),
            Some(other) => panic!("{other} is no object"),
        }
    }

    fn named(&self, step: &Value) -> &Named {
        let name = step["on"].as_str().unwrap_or("main");
        self.handles
            .get(name)
            .unwrap_or_else(|| panic!("no handle is named {name}"))
    }

    fn settle(&mut self, step: &Value, at: &str, outcome: Outcome) -> Stepped {
        judge(step, &outcome, &self.saved).map_err(|mismatch| (at.to_owned(), mismatch))?;
        if let (Some(name), Ok(value)) = (step.get("save"), outcome) {
            self.saved.insert(text(name).to_owned(), value);
        }
        Ok(())
    }

    fn open_main(&mut self, changes: Map<String, Value>) -> Result<(), WireError> {
        let mut options = self.resolved(self.case.get("options"), 0);
        options.extend(changes);
        self.open_as("main", options, Handle::open)
    }

    fn open_as(
        &mut self,
        name: &str,
        mut options: Map<String, Value>,
        open: fn(Option<&str>, &str) -> Result<Handle, WireError>,
    ) -> Result<(), WireError> {
        let own = json!(self.folder.join("store.agentmem"));
        let path = options.remove("path").unwrap_or(own);
        let embedder = options.get_mut("embedder").and_then(take_embed);
        let handle = open(path.as_str(), &Value::Object(options).to_string())?;
        let opened = Named {
            handle: Arc::new(handle),
            view: false,
            embedder: Arc::new(Mutex::new(embedder)),
        };
        self.handles.insert(name.to_owned(), opened);
        Ok(())
    }

    fn close_all(&mut self) {
        for (_, named) in self.handles.drain() {
            if !named.view {
                named.handle.close();
            }
        }
    }
}

/// Takes the embedder's function out of the options; gives its dimensions if there is one.
fn take_embed(embedder: &mut Value) -> Option<usize> {
    let members = embedder.as_object_mut()?;
    members.remove("embed").filter(|embed| *embed == "bytes")?;
    members["dimensions"]
        .as_u64()
        .map(|count| usize::try_from(count).expect("they are few"))
}

/// Component k counts the bytes that leave k when divided by the dimensions.
fn count_bytes(texts: &Value, dimensions: usize) -> Vec<f32> {
    let mut vectors = Vec::new();
    for content in list(texts) {
        let mut counts = vec![0.0; dimensions];
        text(content)
            .bytes()
            .for_each(|byte| counts[usize::from(byte) % dimensions] += 1.0);
        vectors.extend(counts);
    }
    vectors
}

/// Turns each `embedding` into the number of its components; gives these, as they stand beside the JSON.
fn take_vectors(wire: &mut Map<String, Value>) -> Vec<f32> {
    let mut vectors = Vec::new();
    let mut take = |members: &mut Value| {
        if let Some(Value::Array(components)) = members.get("embedding") {
            let count = components.len();
            vectors.extend(
                components
                    .iter()
                    .filter_map(Value::as_f64)
                    .map(|component| component as f32),
            );
            members["embedding"] = json!(count);
        }
    };
    wire.get_mut("options").map(&mut take);
    if let Some(Value::Array(items)) = wire.get_mut("items") {
        items.iter_mut().for_each(&mut take);
    }
    wire.get_mut("defaults").map(&mut take);
    vectors
}

fn wait(begin: impl FnOnce(agentmem_binding::Done)) -> Result<Value, WireError> {
    let (sender, receiver) = std::sync::mpsc::channel();
    begin(Box::new(move |outcome| {
        sender.send(outcome).expect("the runner waits")
    }));
    let outcome = receiver.recv().expect("an outcome is told");
    outcome.map(|answer| serde_json::from_str(&answer).expect("an answer is JSON"))
}

/// Does a call as the facades do it whose embedder has a function.
fn ask(
    handle: &Handle,
    operation: &str,
    mut wire: String,
    vectors: Vec<f32>,
    dimensions: usize,
) -> Result<String, WireError> {
    let now = serde_json::from_str::<Value>(&wire).expect("it was just written")["now"].as_i64();
    let asking = handle.ask(operation, std::mem::take(&mut wire), vectors, now)?;
    let answer = wait(|done| asking.submit_texts(done))
        .and_then(|texts| wait(|done| drop(asking.submit(count_bytes(&texts, dimensions), done))));
    asking.end();
    answer.map(|answer| answer.to_string())
}

fn reembed(
    handle: &Handle,
    mut wire: Map<String, Value>,
    embedder: &Mutex<Option<usize>>,
) -> Outcome {
    let options = wire.get_mut("options").expect("reembed takes options");
    let mut target = options["embedder"].take();
    let dimensions = take_embed(&mut target);
    let moving = handle.reembed(&target.to_string())?;
    let mut vectors = Vec::new();
    loop {
        let step = wait(|done| moving.submit_step(vectors, done))?;
        if let Some(moved) = step.get("moved") {
            *embedder.lock().expect("no thread panicked") = dimensions;
            return Ok(moved.clone());
        }
        vectors = count_bytes(&step["texts"], dimensions.unwrap_or(1));
    }
}

/// Runs actions on a few threads, begun in their order, and gives their outcomes in that order.
fn at_once(actions: Vec<Action>) -> Vec<Outcome> {
    let count = actions.len();
    let queue = Mutex::new(actions.into_iter().enumerate());
    let outcomes = Mutex::new((0..count).map(|_| None).collect::<Vec<Option<Outcome>>>());
    let work = || {
        loop {
            let next = queue.lock().expect("no thread panicked").next();
            let Some((i, action)) = next else { return };
            let outcome = action();
            outcomes.lock().expect("no thread panicked")[i] = Some(outcome);
        }
    };
    thread::scope(|scope| {
        for _ in 0..THREADS.min(count) {
            scope.spawn(work);
        }
    });
    let outcomes = outcomes.into_inner().expect("no thread panicked");
    outcomes
        .into_iter()
        .map(|outcome| outcome.expect("every action ran"))
        .collect()
}

/// Holds an outcome against what the step expects.
fn judge(step: &Value, outcome: &Outcome, saved: &Saved) -> Verdict {
    match (step.get("expectError"), outcome) {
        (Some(expected), Err(error)) => judge_error(expected, error),
        (Some(expected), Ok(value)) => Err(Mismatch::new("$", json!({ "error": expected }), value)),
        (None, Err(error)) => Err(unexpected(error)),
        (None, Ok(value)) => match step.get("expect") {
            Some(expected) => matches(expected, value, saved, "$"),
            None => Ok(()),
        },
    }
}

fn judge_error(expected: &Value, error: &WireError) -> Verdict {
    let actual = error_value(error);
    if expected["code"] != actual["code"] {
        let found = json!({ "error": actual, "message": error.message });
        return Err(Mismatch::new(
            "$error.code",
            expected["code"].clone(),
            &found,
        ));
    }
    if expected["field"] != actual["field"] {
        return Err(Mismatch::new(
            "$error.field",
            expected["field"].clone(),
            &actual["field"],
        ));
    }
    let leaked = list(&expected["hides"])
        .iter()
        .find(|hidden| error.message.contains(text(hidden)));
    match leaked {
        Some(leaked) => {
            let message = json!(error.message);
            Err(Mismatch::new(
                "$error.message",
                json!({ "without": leaked }),
                &message,
            ))
        }
        None => Ok(()),
    }
}

fn unexpected(error: &WireError) -> Mismatch {
    let actual = json!({ "error": error_value(error), "message": error.message });
    Mismatch::new("$", json!("no error"), &actual)
}

fn error_value(error: &WireError) -> Value {
    json!({ "code": error.code, "field": error.field })
}

/// The name of what stands before the options, for the operations that have such.
fn leading(operation: &str) -> Option<&'static str> {
    match operation {
        "add" => Some("content"),
        "addMany" => Some("items"),
        "search" => Some("query"),
        "get" | "update" | "delete" | "history" => Some("id"),
        "backup" => Some("path"),
        "getAll" | "clear" | "count" | "changes" | "compact" | "stats" | "verify" | "reembed" => {
            None
        }
        _ => panic!("unknown operation {operation}"),
    }
}

/// `with` of a step (or `args`, by position) as the wire form has it.
fn wire_form(
    operation: &str,
    mut given: Map<String, Value>,
    args: Option<Vec<Value>>,
) -> Map<String, Value> {
    let leading = leading(operation);
    if let Some(args) = args {
        let names = leading.into_iter().chain(["options"]).map(str::to_owned);
        return names.zip(args).collect();
    }
    if operation == "addMany" {
        return given;
    }
    let mut wire = Map::new();
    if let Some(name) = leading {
        wire.extend(given.remove(name).map(|value| (name.to_owned(), value)));
    }
    if operation == "update" || !given.is_empty() {
        wire.insert("options".to_owned(), Value::Object(given));
    }
    wire
}

fn times(step: &Value) -> usize {
    step["times"]
        .as_u64()
        .map_or(1, |times| usize::try_from(times).expect("times is small"))
}

/// Texts of the form `2026-01-01T00:00:00.000Z` as milliseconds; all else is what the clock shall give.
fn milliseconds(now: &Value) -> Value {
    let Some(stated) = now.as_str() else {
        return now.clone();
    };
    let part = |range: std::ops::Range<usize>| -> i64 {
        let digits = stated.get(range).and_then(|digits| digits.parse().ok());
        digits.unwrap_or_else(|| panic!("the clock cannot be set to {stated}"))
    };
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    // Days since 1970 of the proleptic Gregorian calendar, years beginning in March.
    let shifted = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year - 719_468;
    let seconds = days * 86_400 + part(11..13) * 3_600 + part(14..16) * 60 + part(17..19);
    json!(seconds * 1_000 + part(20..23))
}

fn file_operation(operation: &str, given: &Map<String, Value>) -> Value {
    let path = Path::new(text(&given["path"]));
    match operation {
        "file.write" => fs::write(path, text(&given["text"])),
        "file.folder" => fs::create_dir(path),
        "file.link" => fs::hard_link(text(&given["to"]), path),
        "file.read" => return describe(path),
        _ => panic!("unknown operation {operation}"),
    }
    .expect("the case's folder can be written");
    Value::Null
}

/// What a case can compare of a file: null if there is none.
fn describe(path: &Path) -> Value {
    let Ok(metadata) = fs::metadata(path) else {
        return Value::Null;
    };
    let mut hasher = DefaultHasher::new();
    fs::read(path).ok().hash(&mut hasher);
    json!({ "size": metadata.len(), "mode": mode(&metadata), "digest": format!("{:x}", hasher.finish()) })
}

#[cfg(unix)]
fn mode(metadata: &fs::Metadata) -> String {
    use std::os::unix::fs::PermissionsExt;
    format!("{:04o}", metadata.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn mode(_metadata: &fs::Metadata) -> String {
    // Other systems have no such bits; the cases ask for those of a file that is its owner's alone.
    "0600".to_owned()
}

//! What a call gave, as Python's objects, in one crossing.

use agentmem_binding::Outcome;
use agentmem_core::{Event, Hit, HitContext, HitExplanation, Problem, Stats, Timestamp};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;
use pyo3::{IntoPyObjectExt, PyClass};

use crate::records::{Hit as PyHit, Record as PyRecord};
use crate::values;

/// Makes what the facade gives its caller: a record or a list, a number, a boolean, None; of a step its JSON.
pub fn of(py: Python<'_>, outcome: Outcome) -> PyResult<Py<PyAny>> {
    match outcome {
        Outcome::Nothing => Ok(py.None()),
        Outcome::Flag(flag) => flag.into_py_any(py),
        Outcome::Count(count) => count.into_py_any(py),
        Outcome::Record(record) => object(py, PyRecord::from(*record)),
        Outcome::Records(records) => list(py, records, |record| object(py, PyRecord::from(record))),
        Outcome::Hits(hits) => list(py, hits, |found| hit(py, found)),
        Outcome::Events(events) => list(py, events, |one| event(py, one)),
        Outcome::Stats(counted) => stats(py, &counted),
        Outcome::Problems(problems) => verification(py, &problems),
        Outcome::Step(json) => json.into_py_any(py),
    }
}

fn object<T>(py: Python<'_>, value: T) -> PyResult<Py<PyAny>>
where
    T: PyClass + Into<PyClassInitializer<T>>,
{
    Ok(Bound::new(py, value)?.into_any().unbind())
}

fn list<T>(
    py: Python<'_>,
    items: Vec<T>,
    make: impl Fn(T) -> PyResult<Py<PyAny>>,
) -> PyResult<Py<PyAny>> {
    let made: PyResult<Vec<_>> = items.into_iter().map(make).collect();
    Ok(PyList::new(py, made?)?.into_any().unbind())
}

fn hit(py: Python<'_>, hit: Hit) -> PyResult<Py<PyAny>> {
    let Hit {
        record,
        score,
        context,
        explain,
    } = hit;
    let context = context.map(|around| context_of(py, around)).transpose()?;
    let explain = explain.map(|why| explanation(py, why)).transpose()?;
    let made = PyHit::of(py, record, score, context, explain)?;
    Ok(made.into_any().unbind())
}

fn context_of(py: Python<'_>, around: HitContext) -> PyResult<Py<PyAny>> {
    let turns = |turns| list(py, turns, |record| object(py, PyRecord::from(record)));
    let (before, after) = (turns(around.before)?, turns(around.after)?);
    object(py, values::HitContext { before, after })
}

fn explanation(py: Python<'_>, why: HitExplanation) -> PyResult<Py<PyAny>> {
    let terms = list(py, why.terms, |term| {
        let term = values::HitTerm {
            term: term.term.into_py_any(py)?,
            own: term.own.into_py_any(py)?,
            around: term.around.into_py_any(py)?,
            weight: term.weight.into_py_any(py)?,
        };
        object(py, term)
    })?;
    let why = values::HitExplanation {
        terms,
        bm25: why.bm25.into_py_any(py)?,
        cosine: why.cosine.into_py_any(py)?,
        near: why.near.into_py_any(py)?,
        coverage: why.coverage.into_py_any(py)?,
        speaker: why.speaker.into_py_any(py)?,
        question: why.question.into_py_any(py)?,
        feedback: why.feedback.into_py_any(py)?,
        value: why.value.into_py_any(py)?,
        likelihood: why.likelihood.into_py_any(py)?,
        relevance: why.relevance.into_py_any(py)?,
        recency: why.recency.into_py_any(py)?,
        importance: why.importance.into_py_any(py)?,
    };
    object(py, why)
}

fn event(py: Python<'_>, event: Event) -> PyResult<Py<PyAny>> {
    let record = event
        .record
        .map(|record| object(py, PyRecord::from(record)))
        .transpose()?;
    let made = values::Event {
        seq: event.seq.into_py_any(py)?,
        at: time(py, event.at)?,
        event: event.kind.as_str().into_py_any(py)?,
        id: event.id.into_py_any(py)?,
        record: record.unwrap_or_else(|| py.None()),
    };
    object(py, made)
}

fn stats(py: Python<'_>, stats: &Stats) -> PyResult<Py<PyAny>> {
    let made = values::Stats {
        records: stats.records.into_py_any(py)?,
        expired: stats.expired.into_py_any(py)?,
        past: stats.past.into_py_any(py)?,
        events: stats.events.into_py_any(py)?,
        bytes: stats.bytes.into_py_any(py)?,
        pending_purge: stats.pending_purge.into_py_any(py)?,
        embedder: stats.embedder.id().into_py_any(py)?,
        dimensions: stats.embedder.dimensions().into_py_any(py)?,
    };
    object(py, made)
}

fn verification(py: Python<'_>, problems: &[Problem]) -> PyResult<Py<PyAny>> {
    let ok = problems.is_empty().into_py_any(py)?;
    let problems = list(py, problems.to_vec(), |problem| {
        let problem = values::Problem {
            kind: problem.kind.into_py_any(py)?,
            seq: problem.seq.into_py_any(py)?,
        };
        object(py, problem)
    })?;
    object(py, values::Verification { ok, problems })
}

/// Makes a `datetime` in UTC. The module is imported when the first is read.
pub fn time(py: Python<'_>, at: Timestamp) -> PyResult<Py<PyAny>> {
    static READ: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let read = READ.get_or_try_init(py, || {
        let class = py.import("datetime")?.getattr("datetime")?;
        class.getattr("fromisoformat").map(Bound::unbind)
    })?;
    let mut text = at.to_string();
    // Python 3.10 does not read a Z.
    if text.pop() == Some('Z') {
        text.push_str("+00:00");
    }
    read.call1(py, (text,))
}

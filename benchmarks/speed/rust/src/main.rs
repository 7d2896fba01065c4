//! The workloads of one system of Rust, in a process of their own: `agentmem-speed work TASK.json RESULT.json`; `worker.py` says what
//! both are. `agentmem-speed cold STORE KIND MODE QUESTION` is one question to a store that this process has not opened before.

mod agentmem;
mod beside;
mod data;
mod growth;
mod measure;
mod scan;
mod sqlite;
mod workloads;

use std::error::Error;

type Failed = Box<dyn Error>;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["work", task, result] => {
            let task = data::Task::read(task)?;
            std::fs::write(result, workloads::work(&task)?.to_string())?;
            Ok(())
        }
        ["cold", store, kind, mode, question] => workloads::cold(store, kind, mode, question),
        _ => Err("usage: agentmem-speed work TASK RESULT | cold STORE KIND MODE QUESTION".into()),
    }
}

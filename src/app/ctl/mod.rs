//! `tidegate ctl`: asks a running tidegate through its admin socket, and shows what it says.

mod client;
mod options;
mod sessions;
mod status;
mod table;

use std::io::{BufRead, Read, Write, stdout};
use std::path::Path;
use std::process::ExitCode;

use serde_json::Value;

use super::cli::BAD_USE;
use super::{FAILED, complain};
use crate::base::Address;
use crate::config::{ADMIN_DEFAULT, Admin, Surroundings, load};

use client::{Fault, Method, ask};
pub use options::{Ctl, Order};
pub(super) use options::{command, read};

/// Does one thing and says what came of it; what `main` returns.
pub(super) fn run(ctl: &Ctl) -> ExitCode {
    let address = match address(ctl) {
        Ok(address) => address,
        Err(said) => {
            complain(format_args!("tidegate ctl: {said}"));
            return ExitCode::from(BAD_USE);
        }
    };
    carry_out(&ctl.order, &address).unwrap_or_else(|fault| {
        complain(format_args!("tidegate ctl: {fault}"));
        if matches!(fault, Fault::Nobody(_)) && ctl.admin.is_none() && ctl.file.is_none() {
            complain("say where it listens: tidegate ctl FILE.ini ..., or --admin ADDR");
        }
        ExitCode::from(FAILED)
    })
}

/// Where the router is: `--admin`, else what FILE.ini says, else the usual place.
fn address(ctl: &Ctl) -> Result<Address, String> {
    let usual = || Address::Unix(ADMIN_DEFAULT.into());
    match (&ctl.admin, &ctl.file) {
        (Some(address), _) => Ok(address.clone()),
        (None, None) => Ok(usual()),
        (None, Some(file)) => match admin_of(file)? {
            Admin::At(address) => Ok(address),
            Admin::Default => Ok(usual()),
            Admin::Off => Err(format!("{} says admin = off", file.display())),
        },
    }
}

/// The file may be about to be changed: faults elsewhere in it do not matter here.
fn admin_of(file: &Path) -> Result<Admin, String> {
    std::fs::metadata(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(load(Some(file), &[], &Surroundings::real()).0.admin)
}

fn carry_out(order: &Order, address: &Address) -> Result<ExitCode, Fault> {
    match order {
        Order::Status { json } => show_status(*json, address),
        Order::Sessions { query, json } => show_sessions(query, *json, address),
        Order::Kill { queries, wanted } => kill(queries, *wanted, address),
        Order::Check => check(address),
        Order::Drain => {
            whole(address, Method::Post, "/drain")?;
            print(b"draining: it stops when its sessions have ended, or after drain-timeout\n");
            Ok(ExitCode::SUCCESS)
        }
        Order::Reload => reload(address),
    }
}

fn show_status(json: bool, address: &Address) -> Result<ExitCode, Fault> {
    let (text, value) = whole(address, Method::Get, "/status")?;
    match json {
        true => print(&text),
        false => print(status::page(&value).as_bytes()),
    }
    let workers = value["workers"].as_array().map(Vec::as_slice).unwrap_or_default();
    let silent = workers.iter().filter(|worker| worker["answers"] != true);
    Ok(name_silent(silent.map(|worker| &worker["worker"])))
}

fn show_sessions(query: &str, json: bool, address: &Address) -> Result<ExitCode, Fault> {
    let mut body = ask(address, Method::Get, &format!("/sessions{query}"))?;
    let (mut rows, mut text) = (Vec::new(), Vec::new());
    let mut last = Value::Null;
    let mut line = String::new();
    // A row is a line, between the first line and the last. Nothing is printed before all is there: whoever
    // reads it page by page would keep the router waiting.
    while body.read_line(&mut line).map_err(|error| Fault::of(address, &error))? > 0 {
        if json {
            text.extend_from_slice(line.as_bytes());
        } else if let Ok(row) = serde_json::from_str(line.trim_end().trim_end_matches(',')) {
            rows.push(sessions::row(&row));
        }
        if let Some(end) = line.strip_prefix("],") {
            last = serde_json::from_str(&format!("{{{end}")).unwrap_or_default();
        }
        line.clear();
    }
    if !json {
        text = sessions::page(&rows).into_bytes();
    }
    print(&text);
    Ok(name_silent(last["silent"].as_array().into_iter().flatten()))
}

fn kill(queries: &[String], wanted: Option<u64>, address: &Address) -> Result<ExitCode, Fault> {
    let mut closed = 0;
    let mut code = ExitCode::SUCCESS;
    for query in queries {
        let (_, value) = whole(address, Method::Post, &format!("/kill{query}"))?;
        closed += value["closed"].as_u64().unwrap_or_default();
        let silent = value["silent"].as_array().into_iter().flatten();
        code = if code == ExitCode::SUCCESS { name_silent(silent) } else { code };
    }
    print(format!("{closed} closed\n").as_bytes());
    if closed == 0 || wanted.is_some_and(|wanted| closed < wanted) {
        complain(match wanted {
            Some(_) => "tidegate ctl: the others are not open, or being closed already",
            None => "tidegate ctl: none that is open matches",
        });
        return Ok(ExitCode::from(FAILED));
    }
    Ok(code)
}

fn check(address: &Address) -> Result<ExitCode, Fault> {
    let (_, value) = whole(address, Method::Get, "/check")?;
    for problem in value["problems"].as_array().into_iter().flatten() {
        complain(problem.as_str().unwrap_or_default());
    }
    if value["sound"] != true {
        return Ok(ExitCode::from(BAD_USE));
    }
    print(b"no errors\n");
    Ok(ExitCode::SUCCESS)
}

fn reload(address: &Address) -> Result<ExitCode, Fault> {
    let (_, value) = whole(address, Method::Post, "/reload")?;
    for problem in value["problems"].as_array().into_iter().flatten() {
        complain(problem.as_str().unwrap_or_default());
    }
    if value["reloaded"] != true {
        complain("tidegate ctl: the configuration stays as it was");
        return Ok(ExitCode::from(BAD_USE));
    }
    print(b"reloaded\n");
    Ok(ExitCode::SUCCESS)
}

/// An answer in one piece, and what it says.
fn whole(address: &Address, method: Method, target: &str) -> Result<(Vec<u8>, Value), Fault> {
    let mut text = Vec::new();
    let mut body = ask(address, method, target)?;
    body.read_to_end(&mut text).map_err(|error| Fault::of(address, &error))?;
    let value = serde_json::from_slice(&text).map_err(|_| Fault::Stranger(address.clone()))?;
    Ok((text, value))
}

/// Says which workers did not answer.
fn name_silent<'a>(silent: impl Iterator<Item = &'a Value>) -> ExitCode {
    let names: Vec<String> = silent.map(|number| format!("worker-{number}")).collect();
    if names.is_empty() {
        return ExitCode::SUCCESS;
    }
    complain(format_args!("tidegate ctl: no answer within a second from {}", names.join(", ")));
    ExitCode::from(FAILED)
}

/// Nobody may be left to read it: that changes no exit code.
fn print(text: &[u8]) {
    let _ = stdout().write_all(text);
}

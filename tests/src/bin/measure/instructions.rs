//! The instructions that a server executes for a request, in user space. Unlike CPU time, they are the same on a busy
//! machine.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

use crate::process::{Address, Call, Process};

/// The instructions of this share of a measurement's requests, and of twice as many, are counted. The difference excludes
/// everything that does not depend on the number of requests: connections, timers, the start.
const SHARE: u32 = 10;

/// The tool that counts.
pub enum Counter {
    /// `perf stat`, on a machine with performance counters.
    Perf,
    /// callgrind, which executes the server itself, some fifty times slower. Its dumps stay in this folder;
    /// `callgrind_annotate` shows where the instructions went.
    Callgrind(PathBuf),
}

impl Counter {
    /// Finds a tool that works on this machine. If there is none, print [`Counter::MISSING`].
    pub fn find(folder: &Path) -> Option<Self> {
        let output = |program, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).output().ok()?;
            output.status.success().then_some(output)
        };
        // Virtual machines often hide the counters. perf then succeeds and prints that they are not supported.
        let counted = output("perf", &["stat", "-x", ",", "-e", EVENT, "true"])
            .is_some_and(|output| perf_count(&String::from_utf8_lossy(&output.stderr)).is_ok());
        if counted {
            return Some(Self::Perf);
        }
        output("valgrind", &["--version"])?;
        // A dump of an earlier run would count as the newest. There may be none.
        let _ = fs::remove_dir_all(folder);
        Some(Self::Callgrind(folder.to_owned()))
    }

    pub const MISSING: &str = "Instructions were not counted: `perf stat -e instructions` does not work on this machine, \
                               and valgrind is not installed (Debian: valgrind).";

    pub fn name(&self) -> &'static str {
        match self {
            Self::Perf => "perf",
            Self::Callgrind(_) => "callgrind",
        }
    }

    /// The command that runs a server's program, to be put before it.
    pub fn launcher(&self, name: &str) -> Result<Vec<OsString>> {
        let Self::Callgrind(folder) = self else {
            return Ok(Vec::new());
        };
        fs::create_dir_all(folder)?;
        let option = |option: &str, value: PathBuf| {
            let mut text = OsString::from(option);
            text.push(value);
            text
        };
        Ok(vec![
            // A large copy (`rep movsb`) is one instruction for a processor, but callgrind counts one for each byte,
            // unless glibc is told to copy with vectors.
            "env".into(),
            "GLIBC_TUNABLES=glibc.cpu.x86_rep_movsb_threshold=2147483647".into(),
            "valgrind".into(),
            "--tool=callgrind".into(),
            option("--vgdb-prefix=", folder.join("vgdb")),
            option("--callgrind-out-file=", folder.join(name)),
        ])
    }

    /// Instructions for one request. `name` is the name that the server was started with.
    pub fn count(
        &self,
        server: &Process,
        name: &str,
        call: &Call,
        address: &Address,
        token: &str,
    ) -> Result<f64> {
        let count = |requests| self.total(server, name, call, address, token, requests);
        let requests = call.requests / SHARE;
        // The first requests fill caches and verify the token.
        count(requests)?;
        let (once, twice) = (count(requests)?, count(2 * requests)?);
        Ok((twice as f64 - once as f64) / f64::from(requests))
    }

    fn total(
        &self,
        server: &Process,
        name: &str,
        call: &Call,
        address: &Address,
        token: &str,
        requests: u32,
    ) -> Result<u64> {
        let load = call.load(address, token, requests);
        let id = server.id().to_string();
        let Self::Callgrind(folder) = self else {
            let mut perf = Command::new("perf");
            perf.args(["stat", "-x", ",", "-e", EVENT, "-p", &id, "--"])
                .arg(load.get_program())
                .args(load.get_args());
            let output = perf.output()?;
            let report = String::from_utf8_lossy(&output.stderr).into_owned();
            call.check(Ok(output), requests)?;
            return perf_count(&report);
        };
        let mut load = load;
        call.check(load.output(), requests)?;
        let mut prefix = OsString::from("--vgdb-prefix=");
        prefix.push(folder.join("vgdb"));
        let dumped = Command::new("callgrind_control")
            .arg(prefix)
            .args(["--dump", &id])
            .output()
            .context("callgrind_control, a part of valgrind, is missing")?;
        ensure!(dumped.status.success(), "callgrind writes no dump");
        let dumps = fs::read_dir(folder)?.filter_map(|entry| {
            let path = entry.ok()?.path();
            let (of, number) = path.file_name()?.to_str()?.rsplit_once('.')?;
            let number: u32 = number.parse().ok()?;
            (of == name).then_some((number, path))
        });
        let (_, newest) = dumps.max().context("callgrind wrote no dump")?;
        callgrind_total(&fs::read_to_string(newest)?)
    }
}

const EVENT: &str = "instructions:u";

/// The number in the output of `perf stat -x ,` (perf-stat(1), CSV format): value, unit, event.
fn perf_count(report: &str) -> Result<u64> {
    let values = report.lines().filter_map(|line| {
        let mut fields = line.split(',');
        let (value, _, event) = (fields.next()?, fields.next()?, fields.next()?);
        event
            .starts_with("instructions")
            .then(|| value.parse::<u64>().ok())
    });
    let sum = values.sum::<Option<u64>>().filter(|&sum| sum > 0);
    sum.with_context(|| format!("perf counts no instructions:\n{report}"))
}

/// The number at the end of a dump, counted since the previous dump.
fn callgrind_total(dump: &str) -> Result<u64> {
    let totals = dump
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("totals: "));
    let total = totals.context("a dump of callgrind has no totals")?;
    Ok(total.trim().parse()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perf_counts_or_says_that_it_cannot() {
        let counted = "1234567,,instructions:u,98765,100.00,,\n";
        assert_eq!(perf_count(counted).unwrap(), 1_234_567);
        for nothing in ["<not supported>,,instructions:u,0,100.00,,\n", ""] {
            assert!(perf_count(nothing).is_err(), "{nothing}");
        }
    }

    #[test]
    fn the_total_of_a_dump_is_its_last_line() {
        let dump = "version: 1\nevents: Ir\nfn=(1) main\n1 7\n\ntotals: 300574\n";
        assert_eq!(callgrind_total(dump).unwrap(), 300_574);
    }
}

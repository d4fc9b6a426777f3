//! A shell in its own terminal, which tests type into like a person.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::process::{Leash, eventually};

/// An interactive bash, which `script` runs in a pseudo-terminal. Dropping it closes the terminal.
pub struct Terminal {
    script: Child,
    keys: ChildStdin,
    screen: PathBuf,
    _leash: Leash,
}

impl Terminal {
    /// Opens the terminal. The command is `script`, with the folder and the environment for the shell. The screen
    /// output goes to the file.
    pub fn open(mut script: Command, screen: &Path) -> Result<Self> {
        let mut script = script
            .args(["-q", "-f", "-c", "bash --noprofile --norc -i", "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(File::create(screen)?)
            .spawn()
            .context("cannot start script")?;
        let keys = script.stdin.take().context("script has no input")?;
        Ok(Self {
            _leash: Leash::new(script.id())?,
            script,
            keys,
            screen: screen.to_owned(),
        })
    }

    /// Types a line and presses Enter.
    pub fn type_line(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.keys, "{line}")?)
    }

    /// Presses Ctrl-C.
    pub fn press_ctrl_c(&mut self) -> Result<()> {
        Ok(self.keys.write_all(b"\x03")?)
    }

    /// The screen output so far.
    pub fn screen(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.screen)?).into_owned())
    }

    /// Waits until the text appears.
    pub fn wait_for(&self, text: &str, within: Duration) -> Result<()> {
        eventually(within, || {
            let screen = self.screen()?;
            ensure!(screen.contains(text), "`{text}` is not shown:\n{screen}");
            Ok(())
        })
    }

    /// The exit status of the last command after it has ended, according to the shell.
    pub fn last_status(&mut self, within: Duration) -> Result<i32> {
        // The terminal also shows the typed line, but with the quotes.
        self.type_line("echo sta''tus=$?.")?;
        self.wait_for("status=", within)?;
        let screen = self.screen()?;
        let (_, status) = screen.rsplit_once("status=").context("it was shown")?;
        let (status, _) = status.split_once('.').context("a status ends with a dot")?;
        Ok(status.parse()?)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

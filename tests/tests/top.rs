//! The terminal's screen, driven as people drive it: in a real terminal (tmux), by keys and the mouse, while it watches real traffic in a network
//! namespace of its own.
//!
//! These tests need root; see `portreeve_netlab::may_run_privileged`.
#![cfg(target_os = "linux")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use portreeve_netlab::{Namespace, may_run_privileged};
use portreeve_tests::binary::portreeve;
use portreeve_tests::patience::PATIENCE;

/// A tmux server of its own, gone with its sessions when this is dropped.
struct Terminals {
    folder: tempfile::TempDir,
}

impl Terminals {
    fn new() -> Terminals {
        Terminals {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux")
            .args(["-u", "-f", "/dev/null", "-S"])
            .arg(self.path("tmux"))
            .args(arguments)
            .env("XDG_CONFIG_HOME", "/nonexistent")
            .env("HOME", "/nonexistent")
            .env_remove("NO_COLOR")
            .output()
            .expect("tmux: scripts/setup test installs it");
        assert!(
            output.status.success(),
            "tmux {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs `portreeve` with these arguments in a terminal of this size. What it prints at its end stays on the screen.
    fn start(
        &self,
        name: &'static str,
        (width, height): (u16, u16),
        arguments: &str,
    ) -> Terminal<'_> {
        let command = format!(
            "{} {arguments}; echo left with $?; exec cat",
            portreeve().display()
        );
        let (width, height) = (width.to_string(), height.to_string());
        self.tmux(&[
            "new-session",
            "-d",
            "-s",
            name,
            "-x",
            &width,
            "-y",
            &height,
            &command,
        ]);
        Terminal {
            terminals: self,
            name,
        }
    }
}

impl Drop for Terminals {
    fn drop(&mut self) {
        let _ = Command::new("tmux")
            .arg("-S")
            .arg(self.path("tmux"))
            .arg("kill-server")
            .status();
    }
}

/// One terminal.
struct Terminal<'a> {
    terminals: &'a Terminals,
    name: &'static str,
}

impl Terminal<'_> {
    fn screen(&self) -> String {
        self.terminals
            .tmux(&["capture-pane", "-p", "-t", self.name])
    }

    /// Presses keys, by tmux's names.
    fn press(&self, keys: &[&str]) {
        for key in keys {
            self.terminals.tmux(&["send-keys", "-t", self.name, key]);
        }
    }

    /// Types a text, or sends what a terminal sends (xterm's mouse reports, for one).
    fn send(&self, text: &str) {
        self.terminals
            .tmux(&["send-keys", "-t", self.name, "-l", text]);
    }

    /// Presses the left button at a place, the first being 1 (xterm's SGR mouse mode, as every terminal of today has it).
    fn click(&self, column: usize, line: usize) {
        self.send(&format!("\x1b[<0;{column};{line}M"));
        self.send(&format!("\x1b[<0;{column};{line}m"));
    }

    /// Clicks the first place on the screen where `text` is.
    fn click_on(&self, text: &str) {
        let screen = self.screen();
        let place = screen.lines().enumerate().find_map(|(line, content)| {
            let before = &content[..content.find(text)?];
            Some((before.chars().count() + 2, line + 1))
        });
        let (column, line) = place.unwrap_or_else(|| panic!("no {text}:\n{screen}"));
        self.click(column, line);
    }

    /// Waits until the screen is as wanted and stands still (one that is just being painted is half the one before), and says what is on it.
    fn wait(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        let mut before = String::new();
        loop {
            let screen = self.screen();
            if is(&screen) && screen == before {
                return screen;
            }
            assert!(begun.elapsed() < PATIENCE, "no {what}:\n{screen}");
            before = screen;
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn wait_for(&self, text: &str) -> String {
        self.wait(text, |screen| screen.contains(text))
    }
}

/// A web server and a name server on 127.0.0.2, and a client on 127.0.0.1 that asks both, until told to stop.
fn traffic(stop: &Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.2:80").expect("a port");
    let names = UdpSocket::bind("127.0.0.2:53").expect("a port");
    names
        .set_read_timeout(Some(Duration::from_millis(100)))
        .expect("a time-out");
    let is_over = {
        let stop = Arc::clone(stop);
        move || stop.load(Ordering::Relaxed)
    };
    let web_stop = is_over.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if web_stop() {
                break;
            }
            let Ok(mut stream) = stream else { continue };
            let mut request = [0; 512];
            let _ = stream.read(&mut request);
            let body = vec![b'x'; 20_000];
            let head = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(head.as_bytes());
            let _ = stream.write_all(&body);
        }
    });
    let names_stop = is_over.clone();
    std::thread::spawn(move || {
        let mut query = [0; 512];
        while !names_stop() {
            if let Ok((length, from)) = names.recv_from(&mut query) {
                let mut answer = query[..length].to_vec();
                answer[2..8].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1]);
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 2]);
                let _ = names.send_to(&answer, from);
            }
        }
    });
    std::thread::spawn(move || {
        let mut asked = 0u16;
        while !is_over() {
            asked += 1;
            let resolver = UdpSocket::bind("127.0.0.1:0").expect("a port");
            let mut query = asked.to_be_bytes().to_vec();
            query.extend(b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x03org\x00\x00\x01\x00\x01");
            let _ = resolver.send_to(&query, "127.0.0.2:53");
            if let Ok(mut stream) = TcpStream::connect("127.0.0.2:80") {
                let _ = stream.write_all(b"GET /a-page HTTP/1.1\r\nHost: www.example.org\r\n\r\n");
                let _ = stream.read_to_end(&mut Vec::new());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        // The server waits for one more.
        let _ = TcpStream::connect("127.0.0.2:80");
    });
}

fn watch(socket: &Path) -> String {
    format!(
        "-i lo --workers 1 --memory 64MiB --local-nets 127.0.0.1/32 --set process.control_socket={}",
        socket.display()
    )
}

/// The line of the screen that has `word`, its blanks made one.
fn line_with(screen: &str, word: &str) -> String {
    let line = screen.lines().find(|line| line.contains(word));
    let line = line.unwrap_or_else(|| panic!("no {word}:\n{screen}"));
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_screen_shows_real_traffic_and_is_driven_by_keys_and_the_mouse() {
    if !may_run_privileged() {
        return;
    }
    let namespace = Namespace::new();
    let stop = Arc::new(AtomicBool::new(false));
    namespace.run(|| {
        traffic(&stop);
        let terminals = Terminals::new();
        let socket = terminals.path("control.sock");
        let small = terminals.start("small", (80, 24), &watch(&socket));

        // The first page: rates both ways, the busiest millisecond, who talks, and the books.
        let screen = small.wait("an application's name", |screen| {
            // The first picture has no rates yet: those are between two.
            screen.contains("\nlo 0:")
                && screen.contains("tcp/80  http")
                && screen.contains("udp/53  dns")
        });
        assert!(
            screen.lines().all(|line| line.chars().count() <= 80),
            "{screen}"
        );
        assert!(
            screen.starts_with(" 1 now  2 hosts  3 talks  4 flows"),
            "{screen}"
        );
        assert!(line_with(&screen, "new/s").starts_with("lo 0:"), "{screen}");
        // Where the dashboard is: the run that has the screen serves it, in its namespace on the usual port.
        let dashboard = "http://127.0.0.1:7678/";
        assert_eq!(
            screen.lines().nth(1),
            Some(format!(" dashboard in the browser: {dashboard}").as_str()),
            "{screen}"
        );
        let inward = line_with(&screen, "in  ");
        assert!(
            inward.ends_with("packets/s") && inward.contains("bit/s"),
            "{screen}"
        );
        assert!(line_with(&screen, "peak").contains("in 1 ms"), "{screen}");
        assert!(
            line_with(&screen, "127.0.0.2  ").contains("bit/s"),
            "{screen}"
        );
        assert!(
            line_with(&screen, "127.0.0.2:80").contains("127.0.0.1:"),
            "{screen}"
        );
        assert!(screen.contains(" lost · books balance"), "{screen}");

        // Conversations: a filter that is wrong says so, one that is right shows those alone.
        small.press(&["4"]);
        let screen = small.wait("a conversation", |screen| {
            screen.contains("FROM > TO") && screen.contains(" SF ")
        });
        assert!(
            line_with(&screen, " SF ").contains(" > 127.0.0.2:80 http SF 2"),
            "{screen}"
        );
        small.press(&["/"]);
        small.send("colour:red");
        small.wait_for("there is no field colour");
        small.press(&["C-u"]);
        small.send("service:http dport:80 bytes>20k");
        small.press(&["Enter", "b"]);
        let screen = small.wait_for("sort: bytes");
        assert!(
            line_with(&screen, "/ service").contains("bytes>20k"),
            "{screen}"
        );
        small.press(&["Enter"]);
        let screen = small.wait_for("SF: established and closed");
        assert!(
            line_with(&screen, "retransmitted").ends_with("0 0"),
            "{screen}"
        );
        assert!(screen.contains("handshake, to the server"), "{screen}");
        small.press(&["PageDown", "PageDown"]);
        let screen = small.wait_for("method=GET");
        assert!(
            screen.contains("host=www.example.org uri=/a-page") || screen.contains("uri=/a-page"),
            "{screen}"
        );
        small.press(&["Escape"]);
        small.wait_for("FROM > TO");

        // The mouse: a page's name, a row, and the row once more.
        small.click_on("7 workers");
        let screen = small.wait_for("worker-0");
        assert!(
            line_with(&screen, "worker-0").contains("interrupt"),
            "{screen}"
        );
        small.click_on("2 hosts");
        let screen = small.wait_for("RECEIVED");
        // Both hosts have the same sum, so the order stays. The first row is selected from the beginning.
        let second = screen.lines().nth(4).expect("a second row");
        let name = second.split_whitespace().next().expect("its name");
        small.click(3, 5);
        small.click(3, 5);
        small.wait_for(&format!("/ host:{name}"));

        // The ledger, and the help over it.
        small.press(&["8", "?"]);
        small.wait_for("hold the picture");
        small.press(&["x"]);
        let screen = small.wait("the ledger", |screen| !screen.contains("hold the picture"));
        assert!(line_with(&screen, "on the wire of lo").ends_with(|c: char| c.is_ascii_digit()));

        // A second screen, of the same run, from outside.
        let path = socket.display().to_string();
        let large = terminals.start("large", (140, 40), &format!("top {path}"));
        let screen = large.wait_for("tcp  http");
        assert!(line_with(&screen, "new/s").starts_with("lo 0:"), "{screen}");
        let bar = screen.lines().next().unwrap_or_default();
        assert!(bar.ends_with(dashboard), "{screen}");
        large.press(&["4", "Enter"]);
        let screen = large.wait_for("RECORDS");
        assert!(screen.contains("uid C"), "{screen}");
        large.press(&["q"]);
        large.wait_for("left with 0");
        assert!(small.screen().contains("books balance"));

        // Narrow and low: what matters stays.
        let tiny = terminals.start("tiny", (40, 12), &format!("top {path}"));
        let screen = tiny.wait_for("HOST");
        assert!(
            screen.contains("books balance") && screen.contains("packets/s"),
            "{screen}"
        );
        tiny.press(&["4"]);
        let screen = tiny.wait_for("> 127.0.0.2:");
        assert!(
            screen.lines().all(|line| line.chars().count() <= 40),
            "{screen}"
        );
        tiny.press(&["q"]);

        // The run that has the screen ends with it, and says what it saw.
        small.press(&["q"]);
        let screen = small.wait_for("left with 0");
        assert!(screen.contains("books balance"), "{screen}");
        let gone = terminals.start("gone", (80, 24), &format!("top {path}"));
        gone.wait_for("no instance answers there");

        // By itself, where it is told what to watch.
        let alone = terminals.start("alone", (80, 24), "top -i lo");
        alone.wait_for("127.0.0.2:80");
        alone.press(&["q"]);
        alone.wait_for("left with 0");

        // A terminal that goes away, as when a connection breaks, takes its run with it.
        let lost = terminals.start("lost", (80, 24), &watch(&socket));
        lost.wait_for("127.0.0.2:80");
        terminals.tmux(&["kill-session", "-t", "lost"]);
        let begun = Instant::now();
        while std::os::unix::net::UnixStream::connect(&socket).is_ok() {
            assert!(
                begun.elapsed() < PATIENCE,
                "the run goes on without its terminal"
            );
            std::thread::sleep(Duration::from_millis(100));
        }
        stop.store(true, Ordering::Relaxed);
    });
}

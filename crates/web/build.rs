//! Embeds the pages: what `npm run build` made of `ui` becomes a table of files in the program, each also compressed.
//!
//! Where `ui/dist` is missing and npm is there, it is run; where that cannot be (no npm, no network), a page is embedded that says what to do.
//! `PORTREEVE_UI=off` leaves npm alone.

use std::collections::hash_map::DefaultHasher;
use std::fmt::Write as _;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;

/// Files smaller than this are not worth compressing.
const WORTH: usize = 512;

fn main() -> io::Result<()> {
    let crate_folder = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let out = PathBuf::from(variable("OUT_DIR"));
    let ui = crate_folder.join("ui");
    let dist = ui.join("dist");
    for watched in [
        "ui/dist",
        "ui/package-lock.json",
        "src/no-ui.html",
        "build.rs",
    ] {
        if crate_folder.join(watched).exists() {
            println!("cargo::rerun-if-changed={watched}");
        }
    }
    println!("cargo::rerun-if-env-changed=PORTREEVE_UI");
    if !dist.join("index.html").exists() {
        build_ui(&ui);
        // Without the folder there would be nothing to watch, and cargo would run this each time.
        if ui.join("package.json").exists() {
            fs::create_dir_all(&dist)?;
            println!("cargo::rerun-if-changed=ui/dist");
        }
    }
    let mut files = Vec::new();
    if dist.join("index.html").exists() {
        collect(&dist, &dist, &mut files)?;
    } else {
        println!(
            "cargo::warning=the dashboard's pages are not built in: (cd crates/web/ui && npm ci && npm run build)"
        );
        files.push(("index.html".to_owned(), crate_folder.join("src/no-ui.html")));
    }
    files.sort();
    let mut table = String::from("static FILES: &[File] = &[\n");
    for (at, (name, path)) in files.iter().enumerate() {
        let bytes = fs::read(path)?;
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let gzip = compressed(&bytes)?.map(|gzip| {
            let path = out.join(format!("{at}.gz"));
            fs::write(&path, gzip).map(|()| path)
        });
        let gzip = match gzip.transpose()? {
            Some(path) => format!("Some(include_bytes!({path:?}))"),
            None => "None".to_owned(),
        };
        let _ = writeln!(
            table,
            "    File {{ name: {name:?}, kind: {:?}, tag: \"\\\"{:016x}\\\"\", bytes: include_bytes!({path:?}), gzip: {gzip} }},",
            kind(name),
            hasher.finish(),
        );
    }
    table.push_str("];\n");
    fs::write(out.join("files.rs"), table)
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

/// Has npm build the pages, if there is an npm and something to build.
fn build_ui(ui: &Path) {
    if !ui.join("package-lock.json").exists() || variable("PORTREEVE_UI") == "off" {
        return;
    }
    for arguments in [&["ci", "--no-audit", "--no-fund"][..], &["run", "build"]] {
        let run = Command::new("npm")
            .args(arguments)
            .current_dir(ui)
            .stdin(Stdio::null())
            // Standard output is where cargo is told things.
            .stdout(Stdio::null())
            .status();
        match run {
            Ok(status) if status.success() => {}
            Ok(status) => {
                println!("cargo::warning=npm {}: {status}", arguments.join(" "));
                return;
            }
            Err(error) => {
                println!("cargo::warning=npm: {error}");
                return;
            }
        }
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else if path.extension().is_none_or(|ending| ending != "map")
            && let Some(name) = path.strip_prefix(root).ok().and_then(Path::to_str)
        {
            files.push((name.to_owned(), path.clone()));
        }
    }
    Ok(())
}

fn compressed(bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
    if bytes.len() < WORTH {
        return Ok(None);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    let gzip = encoder.finish()?;
    // Pictures and fonts are compressed already.
    Ok((gzip.len() < bytes.len() * 9 / 10).then_some(gzip))
}

/// The content type, by the ending of the name.
fn kind(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "wasm" => "application/wasm",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

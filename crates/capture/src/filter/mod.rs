//! BPF expressions: `tcp port 443 and host 192.0.2.7`.
//!
//! libpcap compiles them (pcap-filter(7) is the language); the program is classic BPF, which the
//! kernel runs where it can, and [`Filter::matches`] runs on any frame. It sees a frame as tcpdump does: a VLAN tag that the NIC
//! or the kernel took out is in its place, `len` is the length on the wire, and a load from
//! where nothing was captured rejects the frame.
//!
//! A program is made for one link type. [`FilterSet`] compiles one for each link type that a capture holds.

mod libpcap;
mod machine;
#[cfg(test)]
mod tests;

use std::ffi::CString;
use std::path::Path;

use portreeve_packet::LinkType;

use crate::bpf::BpfInstruction;
use crate::error::CaptureError;
use crate::frame::Frame;

/// Different link types that a [`FilterSet`] keeps programs for; frames of further ones are rejected.
pub const MAX_LINK_TYPES: usize = 64;
/// The longest expression.
pub const MAX_EXPRESSION: usize = 1024 * 1024;

/// A compiled expression, for one link type.
#[derive(Clone, Debug)]
pub struct Filter {
    program: Vec<BpfInstruction>,
    link: LinkType,
}

impl Filter {
    /// Compiles `expression` for frames of type `link` of which at most `snap_length` bytes are captured. An
    /// empty expression accepts everything.
    ///
    /// # Errors
    /// [`CaptureError::Filter`] with libpcap's message.
    pub fn compile(
        expression: &str,
        link: LinkType,
        snap_length: u32,
    ) -> Result<Filter, CaptureError> {
        let refuse = |message: String| CaptureError::Filter {
            expression: shorten(expression),
            message,
        };
        if expression.len() > MAX_EXPRESSION {
            return Err(refuse(format!("longer than {MAX_EXPRESSION} bytes")));
        }
        let text = CString::new(expression)
            .map_err(|_| refuse("a zero byte in the expression".to_owned()))?;
        let program = libpcap::compile(&text, dlt(link), snap_length).map_err(refuse)?;
        if !machine::is_sound(&program) {
            return Err(refuse(format!(
                "the program of {} instructions is not sound, or longer than {}",
                program.len(),
                machine::MAX_INSTRUCTIONS
            )));
        }
        Ok(Filter { program, link })
    }

    /// Whether the expression holds for `frame`, which must be of the link type it was compiled for.
    #[inline]
    #[must_use]
    pub fn matches(&self, frame: &Frame<'_>) -> bool {
        match frame.vlan {
            Some(vlan) if self.link == LinkType::Ethernet => {
                let ([p0, p1], [c0, c1]) = (vlan.tpid.to_be_bytes(), vlan.tci.to_be_bytes());
                let packet = machine::Tagged {
                    data: frame.data,
                    wire_len: frame.wire_len,
                    tag: [p0, p1, c0, c1],
                };
                machine::run(&self.program, &packet) != 0
            }
            _ => {
                let packet = machine::Plain {
                    data: frame.data,
                    wire_len: frame.wire_len,
                };
                machine::run(&self.program, &packet) != 0
            }
        }
    }

    /// The program, to be run elsewhere. It expects VLAN tags in the frame's bytes.
    #[must_use]
    pub fn instructions(&self) -> &[BpfInstruction] {
        &self.program
    }

    /// The link type it was compiled for.
    #[must_use]
    pub fn link(&self) -> LinkType {
        self.link
    }
}

/// One expression for frames of any link type: compiled for each when its first frame comes.
#[derive(Clone, Debug)]
pub struct FilterSet {
    expression: String,
    snap_length: u32,
    /// What there is for each link type; `None`: the expression does not compile for it, and rejects its frames.
    programs: Vec<(LinkType, Option<Filter>)>,
}

impl FilterSet {
    /// For frames of which at most `snap_length` bytes are captured. The expression is compiled at once for `link`, the type most
    /// to be expected, so that a mistake in it is told at once.
    ///
    /// # Errors
    /// [`CaptureError::Filter`].
    pub fn new(expression: &str, link: LinkType, snap_length: u32) -> Result<Self, CaptureError> {
        let first = Filter::compile(expression, link, snap_length)?;
        let mut programs = Vec::with_capacity(MAX_LINK_TYPES);
        programs.push((link, Some(first)));
        Ok(FilterSet {
            expression: expression.to_owned(),
            snap_length,
            programs,
        })
    }

    /// Whether the expression holds for `frame`. Compiles at the first frame of a link type, which takes time and
    /// memory then. (`ether host …` does not compile for raw IP, say: such frames are rejected.)
    #[inline]
    pub fn matches(&mut self, frame: &Frame<'_>) -> bool {
        match self.programs.iter().find(|(link, _)| *link == frame.link) {
            Some((_, program)) => program.as_ref().is_some_and(|filter| filter.matches(frame)),
            None => self.learn(frame),
        }
    }

    #[cold]
    fn learn(&mut self, frame: &Frame<'_>) -> bool {
        if self.programs.len() == MAX_LINK_TYPES {
            return false;
        }
        let filter = Filter::compile(&self.expression, frame.link, self.snap_length).ok();
        let matches = filter.as_ref().is_some_and(|filter| filter.matches(frame));
        self.programs.push((frame.link, filter));
        matches
    }

    /// Link types seen for which the expression does not compile: all their frames are rejected.
    pub fn without_program(&self) -> impl Iterator<Item = LinkType> + '_ {
        let none = self
            .programs
            .iter()
            .filter(|(_, program)| program.is_none());
        none.map(|(link, _)| *link)
    }

    /// The expression.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }
}

/// Reads an expression from a file, as tcpdump's `-F`: all its lines together; what is behind a `#` is a comment.
///
/// # Errors
/// [`CaptureError::File`], or [`CaptureError::Filter`] if it is too long.
pub fn expression_from_file(path: &Path) -> Result<String, CaptureError> {
    use std::io::Read as _;
    let failed = |error| CaptureError::File {
        path: path.to_owned(),
        error,
    };
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut text = Vec::new();
    file.take(MAX_EXPRESSION as u64 + 1)
        .read_to_end(&mut text)
        .map_err(failed)?;
    if text.len() > MAX_EXPRESSION {
        return Err(CaptureError::Filter {
            expression: path.display().to_string(),
            message: format!("longer than {MAX_EXPRESSION} bytes"),
        });
    }
    let text = String::from_utf8_lossy(&text);
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    Ok(lines.join("\n"))
}

/// libpcap's data link type for a link type: the same number but for raw IP, whose DLT differs from system to system (12 on Linux).
fn dlt(link: LinkType) -> u32 {
    match link {
        LinkType::RawIp => 12,
        link => link.number(),
    }
}

/// As much of an expression as an error message shows.
fn shorten(expression: &str) -> String {
    const SHOWN: usize = 200;
    if expression.chars().count() <= SHOWN {
        return expression.to_owned();
    }
    expression.chars().take(SHOWN).chain(['…']).collect()
}

//! Flows that carry others: their `tunnel` records.
//!
//! A flow is known for a tunnel when the first flow that it carries begins: packets that only go on cost nothing. When it ends it is known for the kind in its
//! cold state ([`Cold::tunnel`]).

use portreeve_packet::Tunnel as Carrier;
use portreeve_record::app::tunnel::{Tunnel, TunnelAction, TunnelType};
use portreeve_record::{App, EndReason, Head, Record, RecordSink, When};

use crate::shared::Shared;
use crate::slot::{Cold, Hot};
use crate::watch::Flow;

const UDP: u8 = 17;

/// The kind of tunnel that is logged for what a view was carried in.
fn kind(carrier: Carrier) -> Option<TunnelType> {
    Some(match carrier {
        Carrier::IpInIp | Carrier::SixToFour => TunnelType::Ip,
        Carrier::Teredo => TunnelType::Teredo,
        Carrier::Gre | Carrier::Pptp | Carrier::Nvgre | Carrier::Erspan => TunnelType::Gre,
        Carrier::Vxlan | Carrier::VxlanGpe => TunnelType::Vxlan,
        Carrier::Geneve => TunnelType::Geneve,
        Carrier::GtpU => TunnelType::GtpV1,
        Carrier::L2tp => TunnelType::L2tp,
        Carrier::Capwap => TunnelType::Capwap,
        Carrier::EtherIp => TunnelType::EtherIp,
        Carrier::Mpls => TunnelType::Mpls,
        Carrier::Nsh => TunnelType::Nsh,
        _ => return None,
    })
}

/// The flow of `hot` and `cold` carries another that begins at `ts` in `carrier`: says so once.
pub(crate) fn discovered(
    hot: &Hot,
    cold: &mut Cold,
    shared: &Shared,
    (carrier, ts): (Carrier, i64),
    sink: &mut impl RecordSink,
) {
    if cold.tunnel().is_some() {
        return;
    }
    if let Some(kind) = kind(carrier) {
        cold.set_tunnel(kind);
        let head = Flow::new(hot, cold, shared).head(ts);
        write(head, kind, TunnelAction::Discover, When::packet(ts), sink);
    }
}

/// The flow of `hot` and `cold`, which is a tunnel of this kind, is over.
///
/// As in Zeek: of a connection it is said that it closed. Without one (IP in IP, GRE) a tunnel is over when nothing comes through it any more; that the capture ends is no reason.
pub(crate) fn ended(
    hot: &Hot,
    cold: &Cold,
    shared: &Shared,
    (kind, reason, when): (TunnelType, EndReason, When),
    sink: &mut impl RecordSink,
) {
    let flow = Flow::new(hot, cold, shared);
    let head = flow.head(flow.last());
    let action = if head.ip_proto == UDP {
        TunnelAction::Close
    } else if reason == EndReason::Idle {
        TunnelAction::Expire
    } else {
        return;
    };
    write(head, kind, action, when, sink);
}

fn write(
    head: Head,
    kind: TunnelType,
    action: TunnelAction,
    when: When,
    sink: &mut impl RecordSink,
) {
    let tunnel = Tunnel { head, kind, action };
    sink.emit(Record::App(App::from(tunnel)), when);
}

//! The slot that the card is in.

use crate::doctor::{Examination, Finding, Target};

const ID: &str = "slot";

pub(super) fn check(examination: &Examination, target: &Target) -> Vec<Finding> {
    let Some(function) = &target.function else {
        return Vec::new();
    };
    let root = examination.root;
    let folder = function.address.folder();
    let lane = |which: &str| {
        // "8.0 GT/s PCIe"; those below 8 spend two bits of ten on coding.
        let text = root.read(format!("{folder}/{which}_link_speed")).ok()?;
        let transfers: f64 = text.split_whitespace().next()?.parse().ok()?;
        let coding = if transfers < 8.0 { 0.8 } else { 128.0 / 130.0 };
        let lanes: f64 = root.number(format!("{folder}/{which}_link_width"))?;
        // Headers of the bus's own packets take a tenth and more.
        (lanes > 0.0).then_some((transfers * coding * lanes * 0.9, lanes))
    };
    let Some((now, lanes)) = lane("current") else {
        return Vec::new();
    };
    let name = target.name();
    let speed = target.interface.as_ref().and_then(|i| i.speed);
    let Some(speed) = speed.map(|speed| f64::from(speed) / 1000.0) else {
        return vec![Finding::ok(
            ID,
            name,
            format!("its slot has room for {now:.0} Gbit/s"),
        )];
    };
    if now >= speed {
        return vec![Finding::ok(
            ID,
            name,
            format!("its slot has room for {now:.0} Gbit/s, the link brings {speed:.0}"),
        )];
    }
    let most = lane("max").map_or(now, |(most, _)| most);
    vec![
        Finding::costs(ID, name, format!("its slot has room for {now:.0} Gbit/s ({lanes:.0} lanes), the link brings {speed:.0}"))
            .why("What does not get through the bus is dropped by the NIC, counted as missed.")
            .by_hand(if most > now {
                format!("put the card into a slot that gives it all its lanes ({most:.0} Gbit/s); the firmware may have divided this one")
            } else {
                "use a card with more lanes, or a slower link".into()
            }),
    ]
}

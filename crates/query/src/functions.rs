//! What SQL over a network's history needs beside what SQL has.
//!
//! `in_net(address, network)`: whether an address is in a network (`10.0.0.0/8`, `2001:db8::/32`), or is that address.

use std::net::IpAddr;
use std::sync::Arc;

use datafusion::arrow::array::{Array, BooleanArray, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::common::cast::as_string_view_array;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use ipnet::IpNet;

pub(crate) fn register(context: &SessionContext) {
    context.register_udf(ScalarUDF::new_from_impl(InNet::new()));
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct InNet {
    signature: Signature,
}

impl InNet {
    fn new() -> Self {
        InNet {
            signature: Signature::string(2, Volatility::Immutable),
        }
    }
}

/// A network, or one address as a network of its own.
fn network(text: &str) -> Result<IpNet> {
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().or_else(address).ok_or_else(|| {
        DataFusionError::Plan(format!(
            "in_net: {text:?} is no network (such as 10.0.0.0/8)"
        ))
    })
}

fn contains(networks: &[IpNet], text: &str) -> Option<bool> {
    let address: IpAddr = text.parse().ok()?;
    Some(networks.iter().any(|network| network.contains(&address)))
}

/// Any text as a column of views.
fn views(array: &dyn Array) -> Result<StringViewArray> {
    let array = cast(array, &DataType::Utf8View)?;
    Ok(as_string_view_array(&array)?.clone())
}

impl ScalarUDFImpl for InNet {
    fn name(&self) -> &'static str {
        "in_net"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arguments: &[DataType]) -> Result<DataType> {
        Ok(DataType::Boolean)
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = arguments.number_rows;
        let [addresses, networks] = arguments.args.as_slice() else {
            return Err(DataFusionError::Plan(
                "in_net takes an address and a network".into(),
            ));
        };
        let addresses = views(&addresses.to_array(rows)?)?;
        // Nearly always the network is one for all rows.
        if let ColumnarValue::Scalar(network_text) = networks {
            let Some(Some(text)) = network_text.try_as_str() else {
                return Ok(ColumnarValue::Scalar(ScalarValue::Boolean(None)));
            };
            let networks = [network(text)?];
            let found: BooleanArray = addresses
                .iter()
                .map(|address| contains(&networks, address?))
                .collect();
            return Ok(ColumnarValue::Array(Arc::new(found)));
        }
        let networks = views(&networks.to_array(rows)?)?;
        let mut found = Vec::with_capacity(rows);
        for (address, text) in addresses.iter().zip(&networks) {
            found.push(match (address, text) {
                (Some(address), Some(text)) => contains(&[network(text)?], address),
                _ => None,
            });
        }
        Ok(ColumnarValue::Array(Arc::new(BooleanArray::from(found))))
    }
}

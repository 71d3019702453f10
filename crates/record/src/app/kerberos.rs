//! `kerberos`: tickets asked for and shown.

use super::Head;
use crate::field::Info;
use crate::field::Ipfix::Own;
use crate::field::Kind::{Bool, Count, Str, Time};
use crate::field::Storage;
use crate::value::{Text, Value};

/// An exchange of Kerberos (RFC 4120), with Zeek's fields.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kerberos {
    /// The conversation; `ts` is the request's time.
    pub head: Head,
    /// `AS`, `TGS` or `AP`.
    pub request_type: Option<&'static str>,
    /// The client and its realm.
    pub client: Option<Box<str>>,
    /// The service that the ticket is for.
    pub service: Option<Box<str>>,
    /// Whether the request was granted.
    pub success: Option<bool>,
    /// The number of the error.
    pub error_code: Option<u32>,
    /// What the server says of it.
    pub error_text: Option<Box<str>>,
    /// Since when the ticket is to be valid; nanoseconds since 1970-01-01 UTC.
    pub from: Option<i64>,
    /// Until when.
    pub till: Option<i64>,
    /// What the ticket is encrypted with, as a number (RFC 3961 section 8).
    pub cipher: Option<i32>,
    /// Whether a ticket that can be forwarded was asked for.
    pub forwardable: Option<bool>,
    /// Whether a ticket that can be renewed was asked for.
    pub renewable: Option<bool>,
}

/// The name of an error (RFC 4120 section 7.5.9).
fn error(code: u32) -> Value<'static> {
    Value::Word(match code {
        0 => "KDC_ERR_NONE",
        1 => "KDC_ERR_NAME_EXP",
        2 => "KDC_ERR_SERVICE_EXP",
        3 => "KDC_ERR_BAD_PVNO",
        4 => "KDC_ERR_C_OLD_MAST_KVNO",
        5 => "KDC_ERR_S_OLD_MAST_KVNO",
        6 => "KDC_ERR_C_PRINCIPAL_UNKNOWN",
        7 => "KDC_ERR_S_PRINCIPAL_UNKNOWN",
        8 => "KDC_ERR_PRINCIPAL_NOT_UNIQUE",
        9 => "KDC_ERR_NULL_KEY",
        10 => "KDC_ERR_CANNOT_POSTDATE",
        11 => "KDC_ERR_NEVER_VALID",
        12 => "KDC_ERR_POLICY",
        13 => "KDC_ERR_BADOPTION",
        14 => "KDC_ERR_ETYPE_NOSUPP",
        15 => "KDC_ERR_SUMTYPE_NOSUPP",
        16 => "KDC_ERR_PADATA_TYPE_NOSUPP",
        17 => "KDC_ERR_TRTYPE_NOSUPP",
        18 => "KDC_ERR_CLIENT_REVOKED",
        19 => "KDC_ERR_SERVICE_REVOKED",
        20 => "KDC_ERR_TGT_REVOKED",
        21 => "KDC_ERR_CLIENT_NOTYET",
        22 => "KDC_ERR_SERVICE_NOTYET",
        23 => "KDC_ERR_KEY_EXPIRED",
        24 => "KDC_ERR_PREAUTH_FAILED",
        25 => "KDC_ERR_PREAUTH_REQUIRED",
        26 => "KDC_ERR_SERVER_NOMATCH",
        27 => "KDC_ERR_MUST_USE_USER2USER",
        28 => "KDC_ERR_PATH_NOT_ACCEPTED",
        29 => "KDC_ERR_SVC_UNAVAILABLE",
        31 => "KRB_AP_ERR_BAD_INTEGRITY",
        32 => "KRB_AP_ERR_TKT_EXPIRED",
        33 => "KRB_AP_ERR_TKT_NYV",
        34 => "KRB_AP_ERR_REPEAT",
        35 => "KRB_AP_ERR_NOT_US",
        36 => "KRB_AP_ERR_BADMATCH",
        37 => "KRB_AP_ERR_SKEW",
        38 => "KRB_AP_ERR_BADADDR",
        39 => "KRB_AP_ERR_BADVERSION",
        40 => "KRB_AP_ERR_MSG_TYPE",
        41 => "KRB_AP_ERR_MODIFIED",
        42 => "KRB_AP_ERR_BADORDER",
        44 => "KRB_AP_ERR_BADKEYVER",
        45 => "KRB_AP_ERR_NOKEY",
        46 => "KRB_AP_ERR_MUT_FAIL",
        47 => "KRB_AP_ERR_BADDIRECTION",
        48 => "KRB_AP_ERR_METHOD",
        49 => "KRB_AP_ERR_BADSEQ",
        50 => "KRB_AP_ERR_INAPP_CKSUM",
        51 => "KRB_AP_PATH_NOT_ACCEPTED",
        52 => "KRB_ERR_RESPONSE_TOO_BIG",
        60 => "KRB_ERR_GENERIC",
        61 => "KRB_ERR_FIELD_TOOLONG",
        62 => "KDC_ERROR_CLIENT_NOT_TRUSTED",
        63 => "KDC_ERROR_KDC_NOT_TRUSTED",
        64 => "KDC_ERROR_INVALID_SIG",
        65 => "KDC_ERR_KEY_TOO_WEAK",
        66 => "KDC_ERR_CERTIFICATE_MISMATCH",
        67 => "KRB_AP_ERR_NO_TGT",
        68 => "KDC_ERR_WRONG_REALM",
        69 => "KRB_AP_ERR_USER_TO_USER_REQUIRED",
        70 => "KDC_ERR_CANT_VERIFY_CERTIFICATE",
        71 => "KDC_ERR_INVALID_CERTIFICATE",
        72 => "KDC_ERR_REVOKED_CERTIFICATE",
        73 => "KDC_ERR_REVOCATION_STATUS_UNKNOWN",
        74 => "KDC_ERR_REVOCATION_STATUS_UNAVAILABLE",
        75 => "KDC_ERR_CLIENT_NAME_MISMATCH",
        76 => "KDC_ERR_KDC_NAME_MISMATCH",
        other => {
            let mut text = Text::from("unknown-");
            text.push_number(other.into());
            return Value::Text(text);
        }
    })
}

/// The name of a way to encrypt (IANA's "Kerberos Encryption Type Numbers").
fn cipher(number: i32) -> Value<'static> {
    Value::Word(match number {
        1 => "des-cbc-crc",
        2 => "des-cbc-md4",
        3 => "des-cbc-md5",
        5 => "des3-cbc-md5",
        7 => "des3-cbc-sha1",
        9 => "dsaWithSHA1-CmsOID",
        10 => "md5WithRSAEncryption-CmsOID",
        11 => "sha1WithRSAEncryption-CmsOID",
        12 => "rc2CBC-EnvOID",
        13 => "rsaEncryption-EnvOID",
        14 => "rsaES-OAEP-ENV-OID",
        15 => "des-ede3-cbc-Env-OID",
        16 => "des3-cbc-sha1-kd",
        17 => "aes128-cts-hmac-sha1-96",
        18 => "aes256-cts-hmac-sha1-96",
        19 => "aes128-cts-hmac-sha256-128",
        20 => "aes256-cts-hmac-sha384-192",
        23 => "rc4-hmac",
        24 => "rc4-hmac-exp",
        25 => "camellia128-cts-cmac",
        26 => "camellia256-cts-cmac",
        65 => "subkey-keymaterial",
        other => {
            let mut text = Text::from("unknown-");
            if other < 0 {
                text.push_str("-");
            }
            text.push_number(other.unsigned_abs().into());
            return Value::Text(text);
        }
    })
}

conversation_log! {
    /// The fields of `kerberos`.
    KERBEROS: Kerberos, |k, x|
    Info::zeek("request_type", Str, "krb5.request_type", Own(100), "What was asked: AS and TGS for a ticket, AP shows one.").optional().stored(Storage::Name) => Value::word(k.request_type);
    Info::zeek("client", Str, "krb5.cname", Own(101), "The client and its realm.").optional() => Value::str(k.client.as_deref());
    Info::zeek("service", Str, "krb5.sname", Own(102), "The service that the ticket is for.").optional() => Value::str(k.service.as_deref());
    Info::zeek("success", Bool, "krb5.success", Own(103), "The request was granted.").optional() => Value::bool(k.success);
    Info::zeek("error_msg", Str, "krb5.error_msg", Own(104), "Why not: the server's own words, or the error's name.").optional().stored(Storage::Name) => match &k.error_text { Some(text) => Value::Str(text), None => k.error_code.map_or(Value::Unset, error) };
    Info::zeek("from", Time, "krb5.from", Own(105), "Since when the ticket is to be valid.").optional() => k.from.map_or(Value::Unset, Value::Time);
    Info::zeek("till", Time, "krb5.till", Own(106), "Until when the ticket is to be valid.").optional() => k.till.map_or(Value::Unset, Value::Time);
    Info::zeek("cipher", Str, "krb5.encryption", Own(107), "What the ticket is encrypted with.").optional().stored(Storage::Name) => k.cipher.map_or(Value::Unset, cipher);
    Info::zeek("forwardable", Bool, "krb5.forwardable", Own(108), "A ticket that can be forwarded was asked for.").optional() => Value::bool(k.forwardable);
    Info::zeek("renewable", Bool, "krb5.renewable", Own(109), "A ticket that can be renewed was asked for.").optional() => Value::bool(k.renewable);
    Info::zeek("client_cert_subject", Str, "krb5.client_cert_subject", Own(110), "Subject of the client's certificate: not set yet.").optional() => Value::Unset;
    Info::zeek("client_cert_fuid", Str, "krb5.client_cert_fuid", Own(111), "Identifier of the client's certificate: not set yet.").optional() => Value::Unset;
    Info::zeek("server_cert_subject", Str, "krb5.server_cert_subject", Own(112), "Subject of the server's certificate: not set yet.").optional() => Value::Unset;
    Info::zeek("server_cert_fuid", Str, "krb5.server_cert_fuid", Own(113), "Identifier of the server's certificate: not set yet.").optional() => Value::Unset;
    Info::added("error_code", Count, "krb5.error_code", Own(114), "The error's number.").optional().stored(Storage::U32) => Value::count(k.error_code);
}

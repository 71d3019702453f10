//! The filter language as a condition of SQL. What a filter means is [`portreeve_filter`]'s.

mod sql;

use portreeve_store::schema::tables;

pub use portreeve_filter::{FilterError, FilterField, fields};

/// The condition that a filter means for a table; `TRUE` for an empty one. It needs [`crate::History`], whose functions it uses.
///
/// # Errors
/// What is wrong with the filter, and where.
///
/// # Examples
/// ```
/// let condition = portreeve_query::filter::to_sql("port:53 -proto:tcp", "conn").unwrap();
/// assert_eq!(condition, r#"("id.orig_p" = 53 OR "id.resp_p" = 53) AND NOT coalesce("proto" = 'tcp', FALSE)"#);
/// ```
pub fn to_sql(text: &str, table: &str) -> Result<String, FilterError> {
    let Some(table) = tables().into_iter().find(|other| other.name == table) else {
        return Err(FilterError::new(0, format!("there is no table {table}")));
    };
    Ok(sql::spell(&portreeve_filter::condition(
        text,
        &table.fields,
    )?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sql(text: &str) -> String {
        to_sql(text, "conn").unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn terms_become_conditions_on_columns() {
        for (text, condition) in [
            ("", "TRUE"),
            ("  ", "TRUE"),
            (
                "10.0.0.5",
                r#""id.orig_h" = '10.0.0.5' OR "id.resp_h" = '10.0.0.5'"#,
            ),
            (
                "fe80::1",
                r#""id.orig_h" = 'fe80::1' OR "id.resp_h" = 'fe80::1'"#,
            ),
            ("src:10.0.0.0/8", r#"in_net("id.orig_h", '10.0.0.0/8')"#),
            ("dst:10.1.*", r#""id.resp_h" LIKE '10.1.%'"#),
            ("dst:10.1.", r#""id.resp_h" LIKE '10.1.%'"#),
            ("dport:443,80", r#""id.resp_p" = 443 OR "id.resp_p" = 80"#),
            ("dport:1000-2000", r#""id.resp_p" BETWEEN 1000 AND 2000"#),
            ("sport>=1024", r#""id.orig_p" >= 1024"#),
            ("state:sf", r#""conn_state" = 'SF'"#),
            ("duration>1.5s", r#""duration" > 1500000000"#),
            (
                "bytes>1MB",
                r#"(coalesce("orig_ip_bytes", 0) + coalesce("resp_ip_bytes", 0)) > 1000000"#,
            ),
            ("orig_bytes>1KiB", r#""orig_bytes" > 1024"#),
            ("local_orig:yes", r#""local_orig" = TRUE"#),
            (
                "tunnel_parents:CAbc",
                r#"array_has("tunnel_parents", 'CAbc')"#,
            ),
            (
                "service:dns",
                r#"("service" = 'dns' OR concat(',', "service", ',') LIKE '%,dns,%')"#,
            ),
            ("vlan:none", r#""vlan" IS NULL"#),
            ("app:any", r#""app" IS NOT NULL"#),
            ("id.resp_p:53", r#""id.resp_p" = 53"#),
            ("app:it's*", r#""app" ILIKE 'it''s%'"#),
            (r#"app:"a b*""#, r#""app" ILIKE 'a b*'"#),
            ("app:50%_*", r#""app" ILIKE '50\%\_%'"#),
        ] {
            assert_eq!(sql(text), condition, "{text}");
        }
    }

    #[test]
    fn and_or_not_and_parentheses_nest() {
        assert_eq!(
            sql("dport:1 or dport:2 dport:3"),
            r#""id.resp_p" = 1 OR "id.resp_p" = 2 AND "id.resp_p" = 3"#
        );
        assert_eq!(
            sql("(dport:1 or dport:2) -dport:3"),
            r#"("id.resp_p" = 1 OR "id.resp_p" = 2) AND NOT coalesce("id.resp_p" = 3, FALSE)"#
        );
        assert_eq!(
            sql("not (dport:1 and dport:2)"),
            r#"NOT coalesce("id.resp_p" = 1 AND "id.resp_p" = 2, FALSE)"#
        );
        assert_eq!(sql("dport!=1"), r#"NOT coalesce("id.resp_p" = 1, FALSE)"#);
    }

    #[test]
    fn other_tables_have_their_own_columns() {
        assert_eq!(
            to_sql("host:example.*", "http").unwrap(),
            r#""host" ILIKE 'example.%'"#
        );
        assert_eq!(
            to_sql("host:10.0.0.1", "http").unwrap(),
            r#""id.orig_h" = '10.0.0.1' OR "id.resp_h" = '10.0.0.1'"#
        );
        assert!(to_sql("bytes>5", "dns").is_err());
        assert!(to_sql("x", "nothing").is_err());
        assert_eq!(
            to_sql("answers:1.2.3.4", "dns").unwrap(),
            r#"array_has("answers", '1.2.3.4')"#
        );
    }
}

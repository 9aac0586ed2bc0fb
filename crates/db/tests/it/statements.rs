use garrison_db::{Db, Error, Row, Statement, Value, statements};
use testkit::Database;

use crate::support::{self, open, texts};

statements! {
    /// A user with every nullable column to choose.
    ADD_USER = "INSERT INTO users (name, password_hash, administrator, disabled, created_at_us, credentials_changed_at_us) \
                VALUES ($1, $2, $3, $4, $5, $5)";
    /// All of a user.
    GET_USER = "SELECT name, password_hash, administrator, created_at_us FROM users WHERE name = $1";
    /// A setting, its parameters named in the other order.
    PUT_BACKWARDS = "INSERT INTO settings (value, name) VALUES ($2, $1)";
    /// A parameter that occurs twice, after a later one.
    BETWEEN = "SELECT name FROM settings WHERE name < $2 AND name >= $1 AND name <> $2 ORDER BY name";
    /// What a database computes.
    TOTALS = "SELECT COUNT(*), SUM(created_at_us), MAX(created_at_us), MIN(name) FROM users";
    /// Types that stand nowhere in the schema.
    COMPUTED = "SELECT CAST($1 AS BIGINT) + 1, COALESCE(CAST($2 AS TEXT), 'none'), 'plain', NULL, $3";
    /// Many settings.
    PUT_MANY = "INSERT INTO settings (name, value) VALUES {rows:2}";
    /// Many members of one project.
    ADD_MEMBERS = "INSERT INTO members (project_id, user_id, role, granted_at_us) VALUES {rows:4} \
                   ON CONFLICT (project_id, user_id) DO UPDATE SET role = $1";
    /// Members by their roles.
    COUNT_ROLE = "SELECT COUNT(*) FROM members WHERE role = $1";
    /// Which of these are there.
    EXISTING = "SELECT name FROM settings WHERE name >= $1 AND name IN {list} ORDER BY name";
    /// Forgets these.
    FORGET = "DELETE FROM settings WHERE name IN {list}";
    /// A statement that is wrong.
    WRONG = "SELECT nothing FROM settings";
    /// Two rows at least.
    TWO = "SELECT 1 UNION ALL SELECT 2";
    /// A fraction.
    FRACTION = "SELECT CAST(1 AS DOUBLE PRECISION) / 2";
    /// Inserts and tells what came of it.
    PUT_RETURNING = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING RETURNING name";
}

async fn execute(db: &Db, statement: Statement, params: Vec<Value>) -> Result<u64, Error> {
    db.write(move |tx| {
        let params = params.clone();
        Box::pin(async move { tx.execute(&statement, &params).await })
    })
    .await
}

async fn query(db: &Db, statement: Statement, params: Vec<Value>) -> Result<Vec<Row>, Error> {
    db.read(move |tx| Box::pin(async move { tx.query(&statement, &params).await })).await
}

async fn query_list(db: &Db, statement: Statement, fixed: Vec<Value>, list: Vec<Value>) -> Result<Vec<Row>, Error> {
    db.read(move |tx| Box::pin(async move { tx.query_list(&statement, &fixed, &list).await })).await
}

async fn execute_rows(db: &Db, statement: Statement, fixed: Vec<Value>, rows: Vec<Vec<Value>>) -> Result<u64, Error> {
    db.write(move |tx| {
        let (fixed, rows) = (fixed.clone(), rows.clone());
        Box::pin(async move { tx.execute_rows(&statement, &fixed, &rows).await })
    })
    .await
}

testkit::on_both_databases! {
    /// Every statement of this test binary and of the crate parses on both, except the wrong one.
    async fn statements_are_prepared(database: Database) {
        let db = open(&database).await;
        for statement in STATEMENTS.iter().chain(support::STATEMENTS).filter(|statement| statement.name() != "WRONG") {
            db.prepare(statement).await.unwrap();
        }
        let wrong = db.prepare(&WRONG).await.unwrap_err();
        assert_eq!(wrong.to_string(), "failed to run statement `WRONG`");
    }

    async fn every_value_comes_back_as_it_was(database: Database) {
        let db = open(&database).await;
        let names = ["", "a", "é — 你好 🦀", "'; DROP TABLE users; --", "$1 {list} ?1", &"long ".repeat(10_000)];
        for (name, number) in names.into_iter().zip([0, 1, -1, i64::MAX, i64::MIN, 1 << 53]) {
            let hash = (number > 0).then_some(name);
            let params = vec![name.into(), hash.into(), true.into(), false.into(), number.into()];
            assert_eq!(execute(&db, ADD_USER, params).await.unwrap(), 1);
            let rows = query(&db, GET_USER, vec![name.into()]).await.unwrap();
            let expected = [name.into(), hash.into(), Value::Int(1), Value::Int(number)];
            let actual: Vec<Value> = (0..4).map(|column| rows[0].get(column).unwrap()).collect();
            assert_eq!(actual, expected);
        }
        for bytes in [vec![], vec![0], (0..=255).collect(), vec![0xFF; 1 << 20]] {
            let name = format!("{} bytes", bytes.len());
            execute(&db, support::PUT, vec![name.as_str().into(), bytes.clone().into()]).await.unwrap();
            let rows = query(&db, support::GET, vec![name.into()]).await.unwrap();
            assert_eq!(rows[0].get::<Vec<u8>>(0).unwrap(), bytes);
        }
    }

    async fn a_row_is_read_only_as_what_it_is(database: Database) {
        let db = open(&database).await;
        execute(&db, ADD_USER, vec!["u".into(), Value::Null, 2.into(), 0.into(), (-1).into()]).await.unwrap();
        let row = query(&db, GET_USER, vec!["u".into()]).await.unwrap().remove(0);
        assert_eq!(row.len(), 4);
        assert_eq!(row.get::<i64>(0).unwrap_err().to_string(), "column 0 holds text, not a number");
        assert_eq!(row.get::<Vec<u8>>(0).unwrap_err().to_string(), "column 0 holds text, not bytes");
        assert_eq!(row.get::<String>(1).unwrap_err().to_string(), "column 1 holds null, not text");
        assert_eq!(row.get::<bool>(2).unwrap_err().to_string(), "column 2 holds a number, not 0 or 1");
        let negative = "column 3 holds a number, not a number that is not negative";
        assert_eq!(row.get::<u64>(3).unwrap_err().to_string(), negative);
        assert_eq!(row.get::<i64>(4).unwrap_err().to_string(), "column 4 holds nothing, not a number");
        assert_eq!(row.get::<Option<String>>(1).unwrap(), None);
        assert_eq!(row.get::<Option<i64>>(3).unwrap(), Some(-1));
        assert_eq!(row.get::<u64>(2).unwrap(), 2);
    }

    async fn a_parameter_goes_where_its_number_says(database: Database) {
        let db = open(&database).await;
        for name in ["a", "b", "c"] {
            execute(&db, PUT_BACKWARDS, vec![name.into(), name.as_bytes().into()]).await.unwrap();
        }
        let rows = query(&db, BETWEEN, vec!["a".into(), "c".into()]).await.unwrap();
        assert_eq!(texts(&rows), ["a", "b"]);
    }

    async fn computed_columns_have_the_same_values(database: Database) {
        let db = open(&database).await;
        let empty = query(&db, TOTALS, vec![]).await.unwrap();
        assert_eq!(empty[0].get::<Option<i64>>(1).unwrap(), None);
        for (name, number) in [("b", 5), ("a", i64::MAX - 5)] {
            execute(&db, ADD_USER, vec![name.into(), Value::Null, 0.into(), 0.into(), number.into()]).await.unwrap();
        }
        let row = query(&db, TOTALS, vec![]).await.unwrap().remove(0);
        assert_eq!((row.get::<i64>(0).unwrap(), row.get::<i64>(1).unwrap()), (2, i64::MAX));
        assert_eq!((row.get::<i64>(2).unwrap(), row.get::<String>(3).unwrap()), (i64::MAX - 5, "a".to_owned()));

        let row = query(&db, COMPUTED, vec![41.into(), Value::Null, "free".into()]).await.unwrap().remove(0);
        let actual: Vec<Value> = (0..5).map(|column| row.get(column).unwrap()).collect();
        assert_eq!(actual, [42.into(), "none".into(), "plain".into(), Value::Null, "free".into()]);
    }

    /// Sorted by bytes, whatever language the server speaks.
    async fn text_is_sorted_by_its_bytes(database: Database) {
        let db = open(&database).await;
        for name in ["b", "a-b", "é", "a", "B", "a.b", "ab", "_", "a/b"] {
            support::put(&db, name).await.unwrap();
        }
        assert_eq!(support::names(&db).await, ["B", "_", "a", "a-b", "a.b", "a/b", "ab", "b", "é"]);
    }

    async fn what_cannot_be_right_is_refused_before_the_database_sees_it(database: Database) {
        let db = open(&database).await;
        let few = query(&db, support::GET, vec![]).await.unwrap_err();
        assert_eq!(few.to_string(), "statement `GET` takes 1 parameters, 0 were given");
        let many = query(&db, support::GET, vec!["a".into(), "b".into()]).await.unwrap_err();
        assert_eq!(many.to_string(), "statement `GET` takes 1 parameters, 2 were given");
        let nul = query(&db, support::GET, vec!["a\0b".into()]).await.unwrap_err();
        assert_eq!(nul.to_string(), "parameter $1 of statement `GET` holds a NUL character");
        let ragged = vec![vec!["a".into(), b"1".into()], vec!["b".into()]];
        let ragged = execute_rows(&db, PUT_MANY, vec![], ragged).await.unwrap_err();
        assert_eq!(ragged.to_string(), "statement `PUT_MANY` takes 2 parameters, 1 were given");
        let large = Value::try_from(u64::MAX).unwrap_err();
        assert_eq!(large.to_string(), "number 18446744073709551615 is beyond what the database can hold");
        assert_eq!(Value::try_from(i64::MAX.cast_unsigned()).unwrap(), Value::Int(i64::MAX));
        let fraction = query(&db, FRACTION, vec![]).await.unwrap_err();
        assert!(matches!(fraction, Error::UnsupportedType { statement: "FRACTION", index: 0, .. }), "{fraction:?}");
        let two = db.read(|tx| Box::pin(async move { tx.find(&TWO, &[]).await })).await.unwrap_err();
        assert_eq!(two.to_string(), "statement `TWO` found more than one row");
        assert!(support::names(&db).await.is_empty());
    }

    /// A number in a text column, or text in a number's, is an error on both.
    async fn a_value_of_the_wrong_type_is_an_error(database: Database) {
        let db = open(&database).await;
        for (name, value) in [("a".into(), 1.into()), ("a".into(), "text".into()), (b"bytes".into(), b"1".into())] {
            let error = execute(&db, support::PUT, vec![name, value]).await.unwrap_err();
            assert!(matches!(error, Error::Statement { statement: "PUT", .. }), "{error:?}");
        }
    }

    async fn rows_are_inserted_at_every_chunk_boundary(database: Database) {
        let db = open(&database).await;
        assert_eq!(execute_rows(&db, PUT_MANY, vec![], vec![]).await.unwrap(), 0);
        let mut total = 0;
        for count in [1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 128, 129, 200] {
            let rows = (0..count).map(|row| vec![format!("{count}-{row}").into(), format!("{row}").into_bytes().into()]);
            assert_eq!(execute_rows(&db, PUT_MANY, vec![], rows.collect()).await.unwrap(), count);
            total += usize::try_from(count).unwrap();
            let row = count - 1;
            let found = query(&db, support::GET, vec![format!("{count}-{row}").into()]).await.unwrap();
            assert_eq!(found[0].get::<Vec<u8>>(0).unwrap(), format!("{row}").into_bytes());
        }
        assert_eq!(support::names(&db).await.len(), total);
    }

    async fn rows_follow_the_fixed_parameters(database: Database) {
        let db = open(&database).await;
        let rows: Vec<_> = (0..40).map(|user| vec![7.into(), user.into(), "reader".into(), 0.into()]).collect();
        assert_eq!(execute_rows(&db, ADD_MEMBERS, vec!["writer".into()], rows.clone()).await.unwrap(), 40);
        assert_eq!(execute_rows(&db, ADD_MEMBERS, vec!["writer".into()], rows).await.unwrap(), 40);
        let count = query(&db, COUNT_ROLE, vec!["writer".into()]).await.unwrap();
        assert_eq!(count[0].get::<i64>(0).unwrap(), 40);
    }

    async fn lists_are_looked_up_at_every_chunk_boundary(database: Database) {
        let db = open(&database).await;
        let name = |number: usize| Value::from(format!("{number:04}"));
        let rows = (0..600).map(|number| vec![name(number), b"".into()]).collect();
        execute_rows(&db, PUT_MANY, vec![], rows).await.unwrap();
        for count in [0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 600] {
            let list = (0..count).map(name).collect();
            let found = query_list(&db, EXISTING, vec!["".into()], list).await.unwrap();
            assert_eq!(found.len(), count);
        }
        let list = [5, 9999, 7, 5].map(name).to_vec();
        assert_eq!(texts(&query_list(&db, EXISTING, vec!["0006".into()], list).await.unwrap()), ["0007"]);
        let forgotten = db.write(move |tx| {
            let list: Vec<_> = (0..300).map(name).collect();
            Box::pin(async move { tx.execute_list(&FORGET, &[], &list).await })
        });
        assert_eq!(forgotten.await.unwrap(), 300);
        assert_eq!(support::names(&db).await.len(), 300);
    }

    async fn a_statement_tells_what_it_did(database: Database) {
        let db = open(&database).await;
        for expected in [1, 0] {
            let put = db.write(|tx| Box::pin(async move { tx.query(&PUT_RETURNING, &["a".into(), b"".into()]).await }));
            assert_eq!(put.await.unwrap().len(), expected);
        }
        let changed = execute(&db, support::SET_COUNTER, vec![1.into()]).await.unwrap();
        assert_eq!(changed, 0);
    }

    async fn the_clock_stands_still_in_a_transaction_and_goes_on_between(database: Database) {
        let db = open(&database).await;
        let read = || db.read(|tx| Box::pin(async move { Ok::<_, Error>((tx.now_us().await?, tx.now_us().await?)) }));
        let (first, again) = read().await.unwrap();
        let (next, _) = read().await.unwrap();
        assert_eq!(first, again);
        assert!(next > first);
        let year_2026_us = 1_767_225_600_000_000;
        assert!(first > year_2026_us, "{first}");
    }
}

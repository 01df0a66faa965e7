import GRDB

extension DatabaseMigrator {
    /// From this version on, every page carries a checksum (``PageChecksums``).
    static let checksumsIdentifier = "6 page checksums, number of commits"

    /// Every version of the coordinator's tables, oldest first.
    ///
    /// A released migration is never edited.
    static var coordinator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1 jobs, rounds, clients, audit") { db in
            try db.execute(sql: jobs)
            try db.execute(sql: rounds)
            try db.execute(sql: clients)
            try db.execute(sql: audit)
        }
        migrator.registerMigration("2 moments of server optimizers") { db in
            try db.execute(sql: moments)
        }
        migrator.registerMigration("3 asynchronous rounds") { db in
            try db.execute(sql: asynchronousRounds)
        }
        migrator.registerMigration("4 head of the audit log") { db in
            try db.execute(sql: auditHead)
        }
        migrator.registerMigration("5 privacy") { db in
            try db.execute(sql: privacy)
        }
        migrator.registerMigration(checksumsIdentifier) { db in
            try db.execute(sql: commitCount)
        }
        migrator.registerMigration("7 standings of silos") { db in
            try db.execute(sql: siloStandings)
        }
        return migrator
    }

    // Times are seconds since 1970. An adapter is a row, so that a payload's references can be counted.
    private static let jobs = """
        CREATE TABLE adapter (
            id INTEGER PRIMARY KEY,
            digest TEXT NOT NULL,
            byte_count INTEGER NOT NULL,
            rank INTEGER NOT NULL,
            alpha REAL NOT NULL,
            rank_stabilized INTEGER NOT NULL,
            UNIQUE (digest, byte_count, rank, alpha, rank_stabilized)
        ) STRICT;

        CREATE TABLE job (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL UNIQUE,
            submit_token TEXT UNIQUE,
            yaml TEXT NOT NULL,
            configuration TEXT NOT NULL,
            model_path TEXT NOT NULL,
            model_digest TEXT NOT NULL,
            submitted_at REAL NOT NULL,
            started_at REAL,
            ended_at REAL,
            phase TEXT NOT NULL DEFAULT 'pending'
                CHECK (phase IN ('pending', 'running', 'finished', 'failed', 'cancelled')),
            failure TEXT,
            global_adapter INTEGER REFERENCES adapter (id),
            committed_rounds INTEGER NOT NULL DEFAULT 0,
            evaluated_round INTEGER,
            abandoned_attempts INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        """

    private static let rounds = """
        CREATE TABLE round (
            job TEXT NOT NULL REFERENCES job (id),
            number INTEGER NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('open', 'committed', 'abandoned')),
            opened_at REAL NOT NULL,
            closed_at REAL,
            reason TEXT,
            global_adapter INTEGER REFERENCES adapter (id),
            PRIMARY KEY (job, number)
        ) STRICT, WITHOUT ROWID;

        -- A job has one open round at most.
        CREATE UNIQUE INDEX open_round ON round (job) WHERE state = 'open';

        CREATE TABLE cohort_member (
            job TEXT NOT NULL,
            round INTEGER NOT NULL,
            client TEXT NOT NULL,
            position INTEGER NOT NULL,
            adapter INTEGER NOT NULL REFERENCES adapter (id),
            PRIMARY KEY (job, round, client),
            FOREIGN KEY (job, round) REFERENCES round (job, number)
        ) STRICT, WITHOUT ROWID;

        CREATE INDEX member_of_adapter ON cohort_member (adapter, client);

        -- An update counts exactly once for a job, a round and a client: the primary key says so.
        CREATE TABLE accepted_update (
            job TEXT NOT NULL,
            round INTEGER NOT NULL,
            client TEXT NOT NULL,
            adapter INTEGER NOT NULL REFERENCES adapter (id),
            example_count INTEGER NOT NULL,
            metrics TEXT NOT NULL,
            accepted_at REAL NOT NULL,
            PRIMARY KEY (job, round, client),
            FOREIGN KEY (job, round, client) REFERENCES cohort_member (job, round, client) ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID;

        -- The empty client is the whole cohort; a NULL value is not a number.
        CREATE TABLE measurement (
            job TEXT NOT NULL REFERENCES job (id),
            round INTEGER NOT NULL,
            client TEXT NOT NULL,
            phase TEXT NOT NULL,
            name TEXT NOT NULL,
            value REAL,
            PRIMARY KEY (job, round, client, phase, name)
        ) STRICT, WITHOUT ROWID;
        """

    private static let moments = """
        ALTER TABLE round ADD COLUMN first_moment INTEGER REFERENCES adapter (id);
        ALTER TABLE round ADD COLUMN second_moment INTEGER REFERENCES adapter (id);
        """

    private static let asynchronousRounds = """
        -- The latest task of each client; a row is replaced by the next one.
        CREATE TABLE asynchronous_task (
            job TEXT NOT NULL REFERENCES job (id),
            client TEXT NOT NULL,
            number INTEGER NOT NULL,
            version INTEGER NOT NULL,
            adapter INTEGER NOT NULL REFERENCES adapter (id),
            PRIMARY KEY (job, client),
            UNIQUE (job, number)
        ) STRICT, WITHOUT ROWID;

        CREATE INDEX task_of_adapter ON asynchronous_task (adapter, client);

        -- What came of tasks, in the order of arrival. An update counts exactly once for a job and a task; `round` is the
        -- round that it is part of, once it is combined.
        CREATE TABLE asynchronous_update (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            job TEXT NOT NULL REFERENCES job (id),
            client TEXT NOT NULL,
            number INTEGER NOT NULL,
            version INTEGER NOT NULL,
            handed INTEGER NOT NULL REFERENCES adapter (id),
            adapter INTEGER NOT NULL REFERENCES adapter (id),
            example_count INTEGER NOT NULL,
            metrics TEXT NOT NULL,
            accepted_at REAL NOT NULL,
            state TEXT NOT NULL DEFAULT 'buffered' CHECK (state IN ('buffered', 'combined', 'dropped')),
            round INTEGER,
            UNIQUE (job, number)
        ) STRICT;

        CREATE INDEX buffered_update ON asynchronous_update (job) WHERE state = 'buffered';
        CREATE INDEX update_of_client ON asynchronous_update (job, client, number);
        """

    private static let privacy = """
        -- What releases cost, in order; never taken back, and one for each attempt at a round. The multiplier is NULL where
        -- an earlier charge covers the round, the rate where everybody takes part, the key where clients add the noise, and
        -- when its result is released, unless later rounds share it.
        CREATE TABLE privacy_charge (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT,
            job TEXT NOT NULL REFERENCES job (id),
            round INTEGER NOT NULL,
            attempt INTEGER NOT NULL,
            noise_multiplier REAL,
            sampling_rate REAL,
            count INTEGER NOT NULL,
            clipping_norm REAL NOT NULL,
            noise_key BLOB,
            is_key_shared INTEGER NOT NULL,
            charged_at REAL NOT NULL,
            UNIQUE (job, round, attempt)
        ) STRICT;

        ALTER TABLE round ADD COLUMN clipping_norm REAL;

        -- A job whose budget does not cover its next round has failed, and says why.
        ALTER TABLE job ADD COLUMN is_exhausted INTEGER NOT NULL DEFAULT 0;
        """

    private static let clients = """
        CREATE TABLE client (
            name TEXT NOT NULL PRIMARY KEY,
            enrolled_at REAL NOT NULL,
            last_contact REAL,
            maximum_rank INTEGER,
            tags TEXT NOT NULL DEFAULT '{}',
            software TEXT,
            revoked_at REAL
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE certificate (
            fingerprint TEXT NOT NULL PRIMARY KEY,
            serial TEXT NOT NULL,
            client TEXT NOT NULL REFERENCES client (name),
            issued_at REAL NOT NULL,
            expires_at REAL NOT NULL,
            revoked_at REAL
        ) STRICT, WITHOUT ROWID;

        CREATE INDEX certificate_of_client ON certificate (client);

        -- The secret itself is never stored.
        CREATE TABLE invitation (
            secret_hash TEXT NOT NULL PRIMARY KEY,
            client TEXT NOT NULL,
            created_at REAL NOT NULL,
            expires_at REAL NOT NULL,
            used_at REAL
        ) STRICT, WITHOUT ROWID;
        """

    private static let audit = """
        CREATE TABLE audit_entry (
            sequence INTEGER PRIMARY KEY,
            at REAL NOT NULL,
            action TEXT NOT NULL,
            subject TEXT NOT NULL,
            detail TEXT NOT NULL,
            chain TEXT NOT NULL
        ) STRICT;
        """

    private static let auditHead = """
        -- One row: how many entries there are, and where their chain ends.
        CREATE TABLE audit_head (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            sequence INTEGER NOT NULL,
            chain TEXT NOT NULL
        ) STRICT;

        INSERT INTO audit_head (id, sequence, chain)
        SELECT 1, sequence, chain FROM audit_entry ORDER BY sequence DESC LIMIT 1;
        """

    private static let commitCount = """
        -- One row: how many transactions have changed anything since there is this table.
        CREATE TABLE commit_count (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            number INTEGER NOT NULL
        ) STRICT;

        INSERT INTO commit_count (id, number) VALUES (1, 0);
        """

    private static let siloStandings = """
        -- What each client's latest update says of its own privacy ledger, also of a round that was given up.
        CREATE TABLE silo_standing (
            job TEXT NOT NULL REFERENCES job (id),
            client TEXT NOT NULL,
            epsilon REAL NOT NULL,
            epsilon_next REAL NOT NULL,
            PRIMARY KEY (job, client)
        ) STRICT, WITHOUT ROWID;

        -- The latest row of a client replaces those before it.
        INSERT OR REPLACE INTO silo_standing (job, client, epsilon, epsilon_next)
        SELECT job, client, json_extract(metrics, '$.epsilon'), json_extract(metrics, '$.epsilon_next') FROM (
            SELECT job, client, round AS position, metrics FROM accepted_update
            UNION ALL SELECT job, client, number, metrics FROM asynchronous_update
        )
        WHERE json_type(metrics, '$.epsilon') IN ('real', 'integer')
            AND json_type(metrics, '$.epsilon_next') IN ('real', 'integer')
        ORDER BY position;

        -- No key outlives its job.
        UPDATE privacy_charge SET noise_key = NULL
        WHERE job IN (SELECT id FROM job WHERE phase IN ('finished', 'failed', 'cancelled'));
        """
}

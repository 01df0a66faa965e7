import Foundation
import GRDB

/// The database as the first version wrote it, word for word: never to be brought up to date.
enum OldestDatabase {
    /// Makes the file of a server that was stopped in its second round, after one of two updates.
    static func write(to file: URL) throws {
        let database = try DatabaseQueue(path: file.path)
        try database.write { db in
            try db.execute(sql: schema)
            try db.execute(sql: rows)
        }
        try database.close()
    }

    static let digests = (1...3).map { String(repeating: "\($0)", count: 64) }

    private static let rows = """
        CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY);
        INSERT INTO grdb_migrations VALUES ('1 jobs, rounds, clients, audit');
        INSERT INTO adapter VALUES (1, '\(digests[0])', 100, 4, 8.0, 0);
        INSERT INTO adapter VALUES (2, '\(digests[1])', 100, 4, 8.0, 0);
        INSERT INTO adapter VALUES (3, '\(digests[2])', 100, 4, 8.0, 0);
        INSERT INTO job VALUES (
            1, 'job-1', 'token', 'name: sample', '\(configuration)', '/model', '\(digests[0])',
            1800000000.0, 1800000001.0, NULL, 'running', NULL, 2, 1, 0, 0
        );
        INSERT INTO round VALUES ('job-1', 1, 'committed', 1800000002.0, 1800000003.0, NULL, 2);
        INSERT INTO round VALUES ('job-1', 2, 'open', 1800000004.0, NULL, NULL, NULL);
        INSERT INTO cohort_member VALUES ('job-1', 1, 'berlin', 0, 1), ('job-1', 1, 'paris', 1, 1);
        INSERT INTO cohort_member VALUES ('job-1', 2, 'berlin', 0, 2), ('job-1', 2, 'paris', 1, 2);
        INSERT INTO accepted_update VALUES ('job-1', 1, 'berlin', 3, 10, '{"loss":0.5}', 1800000002.5);
        INSERT INTO accepted_update VALUES ('job-1', 2, 'berlin', 3, 10, '{"loss":0.4}', 1800000004.5);
        INSERT INTO measurement VALUES ('job-1', 1, 'berlin', 'train', 'loss', 0.5);
        INSERT INTO client VALUES ('berlin', 1800000000.0, 1800000001.0, 8, '{"site":"berlin"}', 'tributary', NULL);
        INSERT INTO certificate VALUES ('\(digests[1])', '01', 'berlin', 1800000000.0, 1802592000.0, NULL);
        INSERT INTO invitation VALUES ('\(digests[2])', 'berlin', 1800000000.0, 1800000600.0, 1800000000.0);
        INSERT INTO audit_entry VALUES (
            1, 1800000000.0, 'client.invited', 'berlin', '',
            '9413df4771514d7e8519664940c1074096232de577532ab626a02e3a3020c4ce'
        );
        INSERT INTO audit_entry VALUES (
            2, 1800000000.0, 'client.enrolled', 'berlin', 'certificate \(digests[1])',
            'd2efe4063b374acc791a572abeae0523df162ed5d93f93a1c08dcff9167c1bcd'
        );
        """

    private static let configuration = """
        {"adapter":{"lora_alpha":8,"lora_dropout":0,"modules_to_save":["classifier"],"r":4, \
        "target_modules":["query"],"use_rslora":false},"cohort":{"deadline":[32,9704189641294348288],"minimum":2, \
        "overselect":1,"size":2},"evaluation":{"every":1},"labels":["negative","positive"],"model":"minilm", \
        "name":"sample","rounds":3,"seed":7,"strategy":{"name":"fedavg"},"task":"sequence-classification", \
        "training":{"batch_size":16,"epochs":1,"learning_rate":0.001,"max_length":64,"momentum":0, \
        "optimizer":"adamw","weight_decay":0}}
        """

    private static let schema = """
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

        CREATE TABLE audit_entry (
            sequence INTEGER PRIMARY KEY,
            at REAL NOT NULL,
            action TEXT NOT NULL,
            subject TEXT NOT NULL,
            detail TEXT NOT NULL,
            chain TEXT NOT NULL
        ) STRICT;
        """
}

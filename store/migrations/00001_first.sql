-- One schema for SQLite and PostgreSQL. Times are nanoseconds since 1970, UTC;
-- 0 is "never". Values are JSON, sealed values are base64.

-- +goose Up
CREATE TABLE items (
    collection TEXT   NOT NULL,
    key        TEXT   NOT NULL,
    label      TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    expires    BIGINT NOT NULL,
    value      TEXT   NOT NULL,
    PRIMARY KEY (collection, key)
);
CREATE INDEX items_label ON items (collection, label, key);
CREATE INDEX items_expires ON items (collection, expires) WHERE expires > 0;

CREATE TABLE records (
    log   TEXT   NOT NULL,
    id    TEXT   NOT NULL,
    at    BIGINT NOT NULL,
    label TEXT   NOT NULL,
    value TEXT   NOT NULL,
    PRIMARY KEY (log, id)
);
CREATE INDEX records_at ON records (log, at, id);
CREATE INDEX records_label ON records (log, label, at, id);

CREATE TABLE secrets (
    name   TEXT NOT NULL PRIMARY KEY,
    sealed TEXT NOT NULL
);

-- +goose Down
DROP TABLE secrets;
DROP TABLE records;
DROP TABLE items;

-- A database for each owner. They may also be on servers of their own.
create database portcullis_identity owner portcullis_identity_migrate;
create database portcullis_groups owner portcullis_groups_migrate;
create database portcullis_grants owner portcullis_grants_migrate;
create database portcullis_tokens owner portcullis_tokens_migrate;

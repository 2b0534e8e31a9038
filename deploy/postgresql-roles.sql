-- Two roles: the owner migrates, the server's role owns nothing. Run once, as a superuser; give both a password or a
-- line in pg_hba.conf. Then, as the owner: fenqi-gateway migrate --grant-to fenqi
CREATE ROLE fenqi_owner LOGIN;
CREATE ROLE fenqi LOGIN;
CREATE DATABASE fenqi OWNER fenqi_owner;
REVOKE ALL ON DATABASE fenqi FROM PUBLIC;
GRANT CONNECT ON DATABASE fenqi TO fenqi;

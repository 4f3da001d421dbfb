import { expect, test } from "vitest";
import { parseRedisAddress, type RedisAddress, redisUrl } from "./redis-address.ts";

const two = [
  { host: "one.example", port: 7001 },
  { host: "::1", port: 7002 },
];

test.each<[string, RedisAddress]>([
  ["redis://:secret@localhost:6379/2", { kind: "server", url: "redis://:secret@localhost:6379/2" }],
  ["rediss://localhost", { kind: "server", url: "rediss://localhost" }],
  [
    "redis+cluster://one.example:7001,[::1]:7002",
    { kind: "cluster", nodes: two, credentials: {}, tls: false },
  ],
  [
    "rediss+cluster://portcullis:p%40ss%2Fword@one.example:7001,[::1]:7002",
    {
      kind: "cluster",
      nodes: two,
      credentials: { username: "portcullis", password: "p@ss/word" },
      tls: true,
    },
  ],
  [
    "redis+sentinel://:secret@one.example:7001,[::1]:7002/main?sentinel-password=an%26other",
    {
      kind: "sentinel",
      sentinels: two,
      name: "main",
      credentials: { password: "secret" },
      sentinelPassword: "an&other",
      tls: false,
    },
  ],
  [
    "rediss+sentinel://one.example:7001,[::1]:7002/main",
    { kind: "sentinel", sentinels: two, name: "main", credentials: {}, sentinelPassword: null, tls: true },
  ],
])("%s is read", (text, address) => {
  expect(parseRedisAddress(text)).toEqual(address);
});

test.each([
  "",
  "localhost:6379",
  "http://localhost:6379",
  "redis+cluster://",
  "redis+cluster://localhost",
  "redis+cluster://localhost:0",
  "redis+cluster://localhost:65536",
  "redis+cluster://one:1,,two:2",
  "redis+cluster://one:1/0",
  "redis+cluster://one:1?sentinel-password=x",
  "redis+cluster://:%zz@one:1",
  "redis+sentinel://one:1",
  "redis+sentinel://one:1/",
  "redis+other://one:1",
])("`%s` is refused, and what it holds is not shown", (text) => {
  const { error } = redisUrl.safeParse(text);
  expect(error?.issues.map(({ message }) => message)).toEqual([
    "must be redis://host:port, redis+cluster://host:port,host:port or redis+sentinel://host:port,host:port/master-name",
  ]);
});

// How often somebody may ask: counted in Redis, so for all processes of the facade together; while Redis is away, in each
// process alone.

import { Fault } from "@portcullis/chassis/fault";
import type { RedisClient } from "@portcullis/chassis/redis";
import ipaddr from "ipaddr.js";
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";

interface Options {
  readonly redis: RedisClient;
  /** Requests a minute. */
  readonly perCredential: number;
  readonly perAddress: number;
}

/** Where a request came from is known before who sent it. */
export interface RateLimits {
  /** Counts a request of an address. `exhausted` when it has had its share of this minute. */
  fromAddress(address: string): Promise<void>;
  /** Counts a wrong credential as many requests: who guesses soon may ask nothing at all. */
  wrongCredential(address: string): Promise<void>;
  /** Counts a request with a credential, by its id. */
  withCredential(id: string): Promise<void>;
}

const windowSeconds = 60;
const wrongCredentialCosts = 30;

export function rateLimits({ redis, perCredential, perAddress }: Options): RateLimits {
  const addresses = limiter(redis, "address", perAddress);
  const credentials = limiter(redis, "credential", perCredential);
  const tooMany = (count: number, of: string) =>
    `too many requests: at most ${count} a minute from one ${of}`;
  return {
    fromAddress: (address) => consume(addresses, networkOf(address), 1, tooMany(perAddress, "address")),
    wrongCredential: async (address) => {
      // It is refused in any case, and with a text that tells nothing about how many came before.
      await addresses.penalty(networkOf(address), wrongCredentialCosts - 1).catch(() => undefined);
    },
    withCredential: (id) => consume(credentials, id, 1, tooMany(perCredential, "credential")),
  };
}

function limiter(redis: RedisClient, what: string, points: number): RateLimiterRedis {
  const shares = { points, duration: windowSeconds };
  return new RateLimiterRedis({
    ...shares,
    storeClient: redis,
    keyPrefix: `portcullis:rate:${what}`,
    rejectIfRedisNotReady: true,
    insuranceLimiter: new RateLimiterMemory(shares),
    // Who is over it is told so without asking Redis again.
    inMemoryBlockOnConsumed: points + 1,
  });
}

async function consume(
  limits: RateLimiterRedis,
  key: string,
  points: number,
  refusal: string,
): Promise<void> {
  try {
    await limits.consume(key, points);
  } catch (thrown) {
    if (!(thrown instanceof RateLimiterRes)) throw thrown;
    throw new Fault("exhausted", refusal, { retryAfterMs: Math.max(1, thrown.msBeforeNext) });
  }
}

/** An IPv4 address, or the network that one customer of IPv6 usually has. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return "unknown";
  const parsed = ipaddr.process(address);
  return parsed.kind() === "ipv4" ? parsed.toString() : networkOfIpv6(parsed as ipaddr.IPv6);
}

function networkOfIpv6(address: ipaddr.IPv6): string {
  return `${address.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(":")}::/64`;
}

import { z } from "zod";
import { consolePath } from "./return-to.ts";

/** Where somebody who is a member of several organisations says which one. */
export const choosePath = `${consolePath}choose-organization`;

export const secondsToChoose = 10 * 60;

/** Somebody whom the identity provider has vouched for, who may choose. */
export const choice = z.object({ principal: z.string(), email: z.string(), returnTo: z.string() });

export type Choice = z.infer<typeof choice>;

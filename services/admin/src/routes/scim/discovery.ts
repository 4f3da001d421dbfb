// What a provider learns of this service before it uses it: RFC 7644, 4.

import { z } from "zod";
import { may, noSuchObject } from "../../access.ts";
import { scimRoot } from "../../dialect.ts";
import { anyText } from "../../input.ts";
import { type Route, route } from "../../route.ts";
import { sameName } from "./attribute-ref.ts";
import { countMax, listResponse, showList } from "./listing.ts";
import type { Resource } from "./resource.ts";
import { type Attribute, type ResourceType, resourceTypes, type Schema, schemas } from "./schema.ts";

const coreSchema = "urn:ietf:params:scim:schemas:core:2.0";
const described = z.looseObject({ schemas: z.array(z.string()) });
const params = z.object({ id: anyText });

export function discoveryRoutes(): readonly Route[] {
  return [
    route({
      method: "GET",
      path: `${scimRoot}/ServiceProviderConfig`,
      summary: "Tell an identity provider what is supported",
      response: described,
      requires: () => may("organization.read"),
      handle: async ({ origin }) => ({ body: showConfig(origin) }),
    }),
    ...collection("ResourceTypes", "resource types", (origin) =>
      resourceTypes.map((type) => ({ id: type.name, shown: showResourceType(type, origin) })),
    ),
    ...collection("Schemas", "schemas", (origin) =>
      schemas.map((schema) => ({ id: schema.id, shown: showSchema(schema, origin) })),
    ),
  ];
}

interface Described {
  readonly id: string;
  readonly shown: Resource & { readonly schemas: string[] };
}

function collection(
  name: string,
  noun: string,
  all: (origin: string) => readonly Described[],
): readonly Route[] {
  return [
    route({
      method: "GET",
      path: `${scimRoot}/${name}`,
      summary: `List ${noun} to an identity provider`,
      response: listResponse,
      requires: () => may("organization.read"),
      async handle({ origin }) {
        const shown = all(origin).map((one) => one.shown);
        return { body: showList(0, shown.length, shown) };
      },
    }),
    route({
      method: "GET",
      path: `${scimRoot}/${name}/:id`,
      summary: `Get one of the ${noun} for an identity provider`,
      params,
      response: described,
      requires: () => may("organization.read"),
      async handle({ params, origin }) {
        const found = all(origin).find(({ id }) => sameName(id, params.id));
        if (found === undefined) throw noSuchObject();
        return { body: found.shown };
      },
    }),
  ];
}

function showConfig(origin: string) {
  return {
    schemas: [`${coreSchema}:ServiceProviderConfig`],
    patch: { supported: true },
    bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults: countMax },
    changePassword: { supported: false },
    sort: { supported: false },
    etag: { supported: false },
    authenticationSchemes: [
      {
        type: "oauthbearertoken",
        name: "Service token or API key",
        description: "A credential of the organization, sent as a bearer token",
        primary: true,
      },
    ],
    meta: { resourceType: "ServiceProviderConfig", location: `${origin}${scimRoot}/ServiceProviderConfig` },
  };
}

function showResourceType(
  { name, endpoint, description, schema, extensions }: ResourceType,
  origin: string,
): Described["shown"] {
  return {
    schemas: [`${coreSchema}:ResourceType`],
    id: name,
    name,
    endpoint,
    description,
    schema: schema.id,
    ...(extensions.length > 0 && {
      schemaExtensions: extensions.map(({ id }) => ({ schema: id, required: false })),
    }),
    meta: { resourceType: "ResourceType", location: `${origin}${scimRoot}/ResourceTypes/${name}` },
  };
}

function showSchema({ id, name, description, attributes }: Schema, origin: string): Described["shown"] {
  return {
    schemas: [`${coreSchema}:Schema`],
    id,
    name,
    description,
    attributes: attributes.map(showAttribute),
    meta: { resourceType: "Schema", location: `${origin}${scimRoot}/Schemas/${id}` },
  };
}

function showAttribute({ subAttributes, ...traits }: Attribute): object {
  return {
    ...traits,
    ...(traits.type === "reference" && { referenceTypes: ["external", "uri"] }),
    ...(subAttributes.length > 0 && { subAttributes: subAttributes.map(showAttribute) }),
  };
}

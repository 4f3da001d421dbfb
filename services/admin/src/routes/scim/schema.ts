// The attributes of users and groups, as data: what is read, kept, patched, filtered by and described follows from it.

export interface Attribute {
  /** Of an extension: its URN. */
  readonly name: string;
  readonly type: "string" | "boolean" | "complex" | "dateTime" | "reference";
  readonly description: string;
  readonly multiValued: boolean;
  readonly required: boolean;
  readonly caseExact: boolean;
  readonly mutability: "readOnly" | "readWrite";
  readonly returned: "always" | "default";
  readonly uniqueness: "none" | "server";
  readonly subAttributes: readonly Attribute[];
}

export interface Schema {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly attributes: readonly Attribute[];
}

export interface ResourceType {
  readonly name: "User" | "Group";
  readonly endpoint: string;
  readonly description: string;
  readonly schema: Schema;
  readonly extensions: readonly Schema[];
  /** All that a resource may hold, extensions among them. */
  readonly attributes: readonly Attribute[];
}

type Traits = Partial<Omit<Attribute, "name" | "type" | "description" | "subAttributes">>;

function attribute(
  name: string,
  type: Attribute["type"],
  description: string,
  traits: Traits = {},
  subAttributes: readonly Attribute[] = [],
): Attribute {
  return {
    name,
    type,
    description,
    multiValued: false,
    required: false,
    caseExact: type === "reference",
    mutability: "readWrite",
    returned: "default",
    uniqueness: "none",
    ...traits,
    subAttributes,
  };
}

function text(name: string, description: string, traits?: Traits): Attribute {
  return attribute(name, "string", description, traits);
}

function complex(name: string, description: string, parts: readonly Attribute[], traits?: Traits): Attribute {
  return attribute(name, "complex", description, traits, parts);
}

/** A list of values, each with a type, of which one is the first to be used. */
function several(name: string, description: string): Attribute {
  const parts = [
    text("value", "The value"),
    text("display", "The value as it is shown"),
    text("type", "What it is used for"),
    attribute("primary", "boolean", "The one to be used first"),
  ];
  return complex(name, description, parts, { multiValued: true });
}

const readOnly = { mutability: "readOnly" } as const;

const common: readonly Attribute[] = [
  attribute("schemas", "reference", "What the resource is made of", {
    ...readOnly,
    multiValued: true,
    returned: "always",
  }),
  text("id", "The id given by this service", { ...readOnly, caseExact: true, returned: "always" }),
  text("externalId", "The id given by the identity provider", { caseExact: true }),
  complex(
    "meta",
    "About the resource itself",
    [
      text("resourceType", "User or Group", readOnly),
      attribute("created", "dateTime", "When it was made", readOnly),
      attribute("lastModified", "dateTime", "When it was changed last", readOnly),
      attribute("location", "reference", "Where it is found", readOnly),
    ],
    readOnly,
  ),
];

const user: Schema = {
  id: "urn:ietf:params:scim:schemas:core:2.0:User",
  name: "User",
  description: "Somebody in the organization",
  attributes: [
    text("userName", "The name by which the user signs in; unique in the organization", {
      required: true,
      uniqueness: "server",
    }),
    complex("name", "The parts of the user's name", [
      text("formatted", "The whole name"),
      text("familyName", "The family name"),
      text("givenName", "The given name"),
      text("middleName", "The middle name"),
      text("honorificPrefix", "What stands before the name"),
      text("honorificSuffix", "What stands behind the name"),
    ]),
    text("displayName", "The name as it is shown"),
    text("nickName", "What the user is called"),
    attribute("profileUrl", "reference", "A page about the user"),
    text("title", "The user's title"),
    text("userType", "The user's relation to the organization"),
    text("preferredLanguage", "The language that the user prefers"),
    text("locale", "The user's way of writing numbers and dates"),
    text("timezone", "The user's time zone"),
    attribute("active", "boolean", "Whether the user is a member of the organization"),
    several("emails", "The user's e-mail addresses"),
    several("phoneNumbers", "The user's phone numbers"),
    several("ims", "The user's addresses for instant messages"),
    several("photos", "Where pictures of the user are found"),
    complex(
      "addresses",
      "The user's postal addresses",
      [
        text("formatted", "The whole address"),
        text("streetAddress", "The street and number"),
        text("locality", "The city"),
        text("region", "The state or region"),
        text("postalCode", "The postal code"),
        text("country", "The country"),
        text("type", "What it is used for"),
        attribute("primary", "boolean", "The one to be used first"),
      ],
      { multiValued: true },
    ),
    several("entitlements", "What the provider says that the user is entitled to; it gives nothing here"),
    several("roles", "The roles that the provider gives the user; they give nothing here"),
  ],
};

const enterpriseUser: Schema = {
  id: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
  name: "EnterpriseUser",
  description: "Somebody at work",
  attributes: [
    text("employeeNumber", "The employee's number"),
    text("costCenter", "The cost center"),
    text("organization", "The organization"),
    text("division", "The division"),
    text("department", "The department"),
    complex("manager", "The user's manager", [
      text("value", "The manager's id"),
      attribute("$ref", "reference", "Where the manager is found"),
      text("displayName", "The manager's name"),
    ]),
  ],
};

const group: Schema = {
  id: "urn:ietf:params:scim:schemas:core:2.0:Group",
  name: "Group",
  description: "A permission group",
  attributes: [
    text("displayName", "The group's name; unique in the organization, letter by letter", {
      required: true,
      caseExact: true,
      uniqueness: "server",
    }),
    complex(
      "members",
      "The users and groups that are directly in it",
      [
        text("value", "The member's id"),
        text("type", "User or Group"),
        text("display", "The member as it is shown"),
        attribute("$ref", "reference", "Where the member is found"),
      ],
      { multiValued: true },
    ),
  ],
};

function resourceType(
  name: ResourceType["name"],
  schema: Schema,
  extensions: readonly Schema[],
): ResourceType {
  return {
    name,
    endpoint: `/${name}s`,
    description: schema.description,
    schema,
    extensions,
    attributes: [
      ...common,
      ...schema.attributes,
      ...extensions.map(({ id, description, attributes }) => complex(id, description, attributes)),
    ],
  };
}

export const userType = resourceType("User", user, [enterpriseUser]);
export const groupType = resourceType("Group", group, []);

export const resourceTypes: readonly ResourceType[] = [userType, groupType];
export const schemas: readonly Schema[] = [user, enterpriseUser, group];

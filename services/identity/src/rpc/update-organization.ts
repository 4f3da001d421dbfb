import { jsonObject, text } from "@portcullis/chassis/fields";
import type {
  UpdateOrganizationRequest,
  UpdateOrganizationResponse,
} from "@portcullis/proto/identity/v1/identity";
import { writeContext } from "@portcullis/store/write-context";
import { settingsBytesMax } from "../domain/organization.ts";
import type { OrganizationsStore } from "../store/organizations-store.ts";
import { nameMax, organizationToWire, orgFromWire } from "../wire.ts";

export async function updateOrganization(
  store: OrganizationsStore,
  request: UpdateOrganizationRequest,
): Promise<UpdateOrganizationResponse> {
  const { name, settingsJson } = request;
  const { result, revision } = await store.update(
    writeContext(request.context),
    orgFromWire(request.id, "id"),
    {
      name: name === undefined ? null : text(name, "name", nameMax),
      settings:
        settingsJson === undefined ? null : jsonObject(settingsJson, "settings_json", settingsBytesMax),
    },
  );
  return { organization: organizationToWire(result), revision };
}

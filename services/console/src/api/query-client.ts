import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { ApiError } from "./http.ts";

let onSignedOut: () => void = () => {};

/** Who leads to the sign-in page when an answer says that there is no session any more. */
export function whenSignedOut(act: () => void): void {
  onSignedOut = act;
}

const retriesMax = 2;

/** Only what may pass by itself is tried again: a part that is down, or no answer at all. */
function mayPass(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 503 || error.status === 429);
}

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: noticeSignedOut }),
  mutationCache: new MutationCache({ onError: noticeSignedOut }),
  defaultOptions: {
    queries: {
      // A right that was lost shows at the next look, however soon that is.
      staleTime: 0,
      retry: (failures, error) => failures < retriesMax && mayPass(error),
    },
  },
});

function noticeSignedOut(error: unknown): void {
  if (error instanceof ApiError && error.status === 401) onSignedOut();
}

/** Skills as a run is handed them: those the operator did not adopt may have been written by anyone. */
import type { SkillsHandle } from "../define/handles.ts";
import type { CallScope } from "./scope.ts";

export function watchSkills(skills: SkillsHandle, { taint, call_id }: CallScope): SkillsHandle {
  const note = (name: string) => taint.met(call_id, { untrusted: true, private: false }, `skill ${name}`);
  return {
    list: async () => {
      const found = await skills.list();
      for (const { name, ring } of found) if (ring !== 1) note(name);
      return found;
    },
    read: async (name, file) => {
      const found = await skills.read(name, file);
      if (found.ring !== 1) note(found.name);
      return found;
    },
  };
}

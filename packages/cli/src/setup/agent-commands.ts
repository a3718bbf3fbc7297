/** Commands for an agent, as they are typed where it runs. */

/** Ends the agent alone: customers are served on, and the next one takes over what it kept. */
export const stopAgentCommand = (config: string): string => `headgate-agent stop --config ${config} --agent-only`;

/** Pins at an agent what was handed over. */
export const enrolCommand = (handed: string, service: string): string =>
  `headgate-agent enrol --handed ${handed} --service ${service}`;

"""Public figures that no rule of the model predicts, and why."""

from __future__ import annotations

#: Why a figure is not compared, and the quantities that this is true of, whatever their unit.
NOT_COMPARABLE = {
    "a size or a rate that predictions start from": (
        "agents workloads entries entries_per_agent selectors_per_agent workloads_per_node "
        "table_rows_attested_node_entries events_in_table pods_largest_cluster attested_entries_created server_size "
        "db_size db_instances"
    ),
    "a size without a load or a resource beside it": (
        "largest_deployment_nodes fleet_nodes services workloads_target entries_per_agent_tested "
        "entries_per_workload_fail"
    ),
    "how long was counted, not a load": "measurement_window",
    "a maximum; the model has means and intervals of means": "db_stmt_latency_max",
    "one of two queries that the model prices together, as one visited id": (
        "db_latency_entry_list_avg db_latency_node_selectors_avg"
    ),
    "on the agent, which the model leaves out": (
        "agent_cpu agent_cpu_mean agent_memory agent_memory_before agent_memory_after agent_memory_limit_oom "
        "agent_memory_at_450_conns agent_memory_per_sds_connection agent_memory_leak agent_memory_growth "
        "agent_memory_growth_per_fetch agent_time_to_oom_512Mi agent_limit_workaround agent_grpc_read_buffer "
        "agent_svid_sync_interval agent_rpc_timeout agent_rpc_timeout_jwt_cache_hit implied_connections "
        "sds_connections svid_cache_utilisation svid_cache_bytes_per_svid delegated_identities_at_4MB "
        "identities_held_per_agent kubelet_pod_list_size k8s_attest_timeout workload_api_timeout_failing "
        "attestation_time_after chart_example_agent_request"
    ),
    "bytes in a message follow from the lengths of names and paths, which the report does not give": (
        "entry_wire_size entry_wire_size_min entry_wire_size_typical shallow_entry_wire_size entry_size_upper_bound "
        "sync_response_size list_entries_response_size entries_in_list entries_at_4MB entries_at_32MB cert_size "
        "x509_svid_size_with_chain bundle_grpc_message"
    ),
    "a micro-benchmark of a part of what the model prices as one": (
        "bench_build_cache_in_memory_before bench_cache_memory_before bench_cache_memory_after "
        "bench_get_authorized_entries_before bench_get_authorized_entries_after "
        "bench_get_authorized_entries_alloc_before bench_get_authorized_entries_clone "
        "bench_get_authorized_entries_manual bench_get_authorized_entries_shallow bench_entry_lookup_before "
        "bench_entry_lookup_after bench_build_cache_before bench_build_cache_after lookup_cost_per_call "
        "entry_lookup_improvement opa_policy_eval_before opa_policy_eval_after"
    ),
    "a micro-benchmark of an empty cache, as was found later": "bench_get_authorized_entries_INVALID",
    "a constant or a setting that the model does not use": (
        "sync_interval_emergency readiness_budget lb_policy entries_cache_size backoff_max_interval "
        "db_max_open_conns_default prune_throughput list_entries_period_default full_cache_reload_interval_default "
        "prune_events_older_than_default sync_timeout"
    ),
    "a fault or what followed from one; the model has servers that work": (
        "incident stale_entry_fraction skipped_node_events_peak skipped_node_events_common spike_duration "
        "redundant_db_queries entries_primary_vs_replica attested_rows_after_crashloop selector_rows_after_crashloop "
        "concurrent_attest_deadlock server_cpu_idle_bug"
    ),
    "another program, not a SPIRE server or its datastore": (
        "aws_jwks_key_limit aws_org_list_time aws_api_rtt aws_accounts aws_calls_per_refresh aws_calls_15m "
        "controller_manager_memory controller_manager_memory_per_pod server_pod_cpu_idle_gc0 "
        "server_pod_cpu_idle_gc10 sidecar_cpu sidecar_memory csi_provider_cpu "
        "chart_example_controller_manager_request"
    ),
    "no run measured work of that kind": (
        "db_startup_delete_time server_startup_time event_replay_rate db_queries_per_node_event_before "
        "node_batch_query_speedup server_cpu_reduction_jwt"
    ),
    "the fleet or the rate of writes behind it was not published": (
        "db_read_load_reduction_factor db_time_share_federation db_time_share_FederatesWith_read "
        "db_time_share_bundles_IN_NULL db_primary_cpu db_busy_cores_per_primary db_concurrent_connections "
        "table_growth bundle_jwt_keys bundle_jwt_keys_stale"
    ),
    "an example, an estimate or a formula, not a figure of a fleet": (
        "hypothetical_agents_per_server cache_memory_expected unneeded_db_queries_per_sync jwt_keys_in_bundle "
        "chart_example_server_request"
    ),
    "arithmetic on other figures of the same report": "backlog_growth list_entries_row_rate",
    "no figure is given": "server_memory_in_load_test",
}

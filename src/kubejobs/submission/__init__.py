"""What a user asks for: JSON in the product's or the documents' shape → one frozen, validated `Submission`.

Rule: pure but for the workload readers; imports no redis, kubernetes, airflow or asyncio.
"""

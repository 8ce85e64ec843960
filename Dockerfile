# ipamd and what it needs, nothing else; runs as an account of its own.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/ipamd
COPY requirements.lock ./
RUN /opt/ipamd/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY LICENSE README.md pyproject.toml setup.cfg ./
COPY ipamd ipamd
RUN /opt/ipamd/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.13-slim
RUN useradd --system --uid 9898 --home-dir /var/lib/ipamd --create-home ipamd
COPY --from=build /opt/ipamd /opt/ipamd
ENV PATH=/opt/ipamd/bin:$PATH
USER 9898
WORKDIR /var/lib/ipamd
EXPOSE 9898
CMD ["ipamd-all"]
